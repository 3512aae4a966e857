#pragma once

/// Reductions. They have a fixed shape: chunks of 16384 elements are summed up in blocks of 1024, whose sums, and
/// everything above, are added in double and in order. So results do not depend on the number of threads.

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/columns.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// The sum of f(x[i]...) over i in [0, n), f a function of vectors.
template <class Arch = DefaultArch, class F, class T, class... In>
double sum_of(std::int64_t n, F f, const T* x, const In*... more) {
  using V = Vec<T, Arch>;
  constexpr std::int64_t kChunk = 16384, kBlock = 1024, kL = kLanes<T, Arch>;
  std::vector<double> parts(static_cast<std::size_t>(n > 0 ? (n + kChunk - 1) / kChunk : 0));
  parallel_for(n, kChunk, [&](std::int64_t begin, std::int64_t end) {
    double part = 0;
    for (std::int64_t block = begin; block < end; block += kBlock) {
      const std::int64_t count = std::min(kBlock, end - block), whole = count / kL;
      part += double{horizontal_sum(sum_rows<V, 1>(0, whole, [&](std::int64_t r) {
        return std::array<V, 1>{f(load_all<V>(x + block + r * kL), load_all<V>(more + block + r * kL)...)};
      })[0])};
      if (whole * kL < count) {
        const std::int64_t at = block + whole * kL, left = count - whole * kL;
        T lanes[V::size];
        store_all(lanes, f(load_first<V>(x + at, left), load_first<V>(more + at, left)...));
        for (std::int64_t i = 0; i < left; ++i) part += double{lanes[i]};
      }
    }
    parts[static_cast<std::size_t>(begin / kChunk)] = part;
  });
  double total = 0;
  for (const double part : parts) total += part;
  return total;
}

/// Sum of x[0..n).
template <class T, class Arch = DefaultArch>
double sum(std::int64_t n, const T* x) {
  return sum_of<Arch>(
      n, [](auto v) { return v; }, x);
}

/// Sum of x[i] y[i].
template <class T, class Arch = DefaultArch>
double dot(std::int64_t n, const T* x, const T* y) {
  return sum_of<Arch>(
      n, [](auto u, auto v) { return u * v; }, x, y);
}

/// Sum of x[i]^2.
template <class T, class Arch = DefaultArch>
double sum_squares(std::int64_t n, const T* x) {
  return sum_of<Arch>(
      n, [](auto v) { return v * v; }, x);
}

/// The smallest and the largest element; {+infinity, -infinity} if there is none. NaN gives anything.
template <class T, class Arch = DefaultArch>
std::pair<T, T> min_max(std::int64_t n, const T* x) {
  using V = Vec<T, Arch>;
  constexpr std::int64_t kChunk = 16384, kL = kLanes<T, Arch>;
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  std::vector<std::pair<T, T>> parts(static_cast<std::size_t>(n > 0 ? (n + kChunk - 1) / kChunk : 0));
  parallel_for(n, kChunk, [&](std::int64_t begin, std::int64_t end) {
    V low(kInfinity), high(-kInfinity);
    std::int64_t i = begin;
    for (; i + kL <= end; i += kL) {
      const V v = load_all<V>(x + i);
      low = min(low, v);
      high = max(high, v);
    }
    std::pair<T, T> part{horizontal_min(low), horizontal_max(high)};
    for (; i < end; ++i) part = {std::min(part.first, x[i]), std::max(part.second, x[i])};
    parts[static_cast<std::size_t>(begin / kChunk)] = part;
  });
  std::pair<T, T> range{kInfinity, -kInfinity};
  for (const auto& part : parts) range = {std::min(range.first, part.first), std::max(range.second, part.second)};
  return range;
}

/// y[c] = sum over r of x[r, c], x [rows, cols].
template <class T, class Arch = DefaultArch>
void column_sum(std::int64_t rows, std::int64_t cols, const T* x, T* y) {
  using V = Vec<T, Arch>;
  if (cols <= 0) return;
  const auto sums = sum_columns<T, Arch, 1>(rows, cols, [=](std::int64_t c, auto count) {
    return [=](std::int64_t r) { return std::array<V, 1>{load_lanes<V>(x + r * cols + c, count)}; };
  });
  std::transform(sums.begin(), sums.end(), y, [](double v) { return static_cast<T>(v); });
}

/// y[r] = the first place of the largest element of row r, x [rows, cols].
template <class T, class Arch = DefaultArch>
void row_argmax(std::int64_t rows, std::int64_t cols, const T* x, std::int32_t* y) {
  if (cols <= 0) return;
  parallel_for(rows, std::max<std::int64_t>(1, 16384 / cols), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r)
      y[r] = static_cast<std::int32_t>(std::max_element(x + r * cols, x + (r + 1) * cols) - (x + r * cols));
  });
}

}  // namespace bitgrain::kernels
