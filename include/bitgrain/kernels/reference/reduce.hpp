#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

namespace bitgrain::kernels::reference {

/// The readable oracle of kernels::sum.
template <class T>
double sum(std::int64_t n, const T* x) {
  double total = 0;
  for (std::int64_t i = 0; i < n; ++i) total += double{x[i]};
  return total;
}

/// The readable oracle of kernels::dot; dot(n, x, x) is the oracle of kernels::sum_squares.
template <class T>
double dot(std::int64_t n, const T* x, const T* y) {
  double total = 0;
  for (std::int64_t i = 0; i < n; ++i) total += double{x[i]} * double{y[i]};
  return total;
}

/// The readable oracle of kernels::min_max.
template <class T>
std::pair<T, T> min_max(std::int64_t n, const T* x) {
  std::pair<T, T> range{std::numeric_limits<T>::infinity(), -std::numeric_limits<T>::infinity()};
  for (std::int64_t i = 0; i < n; ++i) range = {std::min(range.first, x[i]), std::max(range.second, x[i])};
  return range;
}

/// The readable oracle of kernels::column_sum.
template <class T>
void column_sum(std::int64_t rows, std::int64_t cols, const T* x, T* y) {
  for (std::int64_t c = 0; c < cols; ++c) {
    double total = 0;
    for (std::int64_t r = 0; r < rows; ++r) total += double{x[r * cols + c]};
    y[c] = static_cast<T>(total);
  }
}

/// The readable oracle of kernels::row_argmax.
template <class T>
void row_argmax(std::int64_t rows, std::int64_t cols, const T* x, std::int32_t* y) {
  for (std::int64_t r = 0; r < rows && cols > 0; ++r)
    y[r] = static_cast<std::int32_t>(std::max_element(x + r * cols, x + (r + 1) * cols) - (x + r * cols));
}

}  // namespace bitgrain::kernels::reference
