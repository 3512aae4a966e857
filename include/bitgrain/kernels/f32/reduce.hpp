#pragma once

#include <cstdint>
#include <utility>

#include "bitgrain/kernels/reference/reduce.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// Sum of x[0..n); partial sums of a fixed shape are added in double, so the result does not depend on threads.
template <class T, class Arch = DefaultArch>
double sum(std::int64_t n, const T* x) {
  return reference::sum(n, x);
}

/// Sum of x[i] y[i].
template <class T, class Arch = DefaultArch>
double dot(std::int64_t n, const T* x, const T* y) {
  return reference::dot(n, x, y);
}

/// Sum of x[i]^2.
template <class T, class Arch = DefaultArch>
double sum_squares(std::int64_t n, const T* x) {
  return reference::dot(n, x, x);
}

/// The smallest and the largest element; {+infinity, -infinity} if there is none.
template <class T, class Arch = DefaultArch>
std::pair<T, T> min_max(std::int64_t n, const T* x) {
  return reference::min_max(n, x);
}

/// y[c] = sum over r of x[r, c], x [rows, cols].
template <class T, class Arch = DefaultArch>
void column_sum(std::int64_t rows, std::int64_t cols, const T* x, T* y) {
  reference::column_sum(rows, cols, x, y);
}

/// y[r] = the first place of the largest element of row r, x [rows, cols].
template <class T, class Arch = DefaultArch>
void row_argmax(std::int64_t rows, std::int64_t cols, const T* x, std::int32_t* y) {
  reference::row_argmax(rows, cols, x, y);
}

}  // namespace bitgrain::kernels
