#pragma once

/// Walking the rows of a [rows, cols] array, and sums over them, one result per column: biases, batch norm.
///
/// Columns go in groups of up to four vectors, so that memory is read along the rows while everything that belongs to
/// a column (means, factors, sums) stays in registers. (GCC keeps arrays of vectors in registers only where it
/// unrolls the loops over them early: hence the pragmas.)
///
/// For sums, rows are cut into blocks of about 32 KB, each summed up in T; blocks are added in double, and chunks of
/// blocks (at most 64, the grains of parallel work) have sums of their own that are added in order. So results do not
/// depend on threads, and rounding errors grow with the length of a block, not of the array.

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// Blocks of rows, and chunks of blocks. Depends on the shape of the array alone.
struct RowBlocks {
  RowBlocks(std::int64_t row_count, std::int64_t cols)
      : rows(std::max<std::int64_t>(0, row_count)),
        block(std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(1, cols))) {
    const std::int64_t blocks = (rows + block - 1) / block;
    chunk = std::max<std::int64_t>(1, (blocks + 63) / 64) * block;
    chunks = (rows + chunk - 1) / chunk;
  }
  std::int64_t rows, block, chunk, chunks;  ///< rows in all, per block, per chunk; number of chunks
};

/// Loads `count` lanes, all of them or the first few.
template <class V>
V load_lanes(const typename V::value_type* p, std::int64_t count) {
  return count == static_cast<std::int64_t>(V::size) ? load_all<V>(p) : load_first<V>(p, count);
}
/// Stores `count` lanes, all of them or the first few.
template <class V>
void store_lanes(typename V::value_type* p, std::int64_t count, const V& v) {
  if (count == static_cast<std::int64_t>(V::size))
    store_all(p, v);
  else
    store_first(p, count, v);
}

/// The K sums of f(r) over rows [begin, end); f returns std::array<V, K>. Four rows in flight hide the latency of an
/// addition.
template <class V, std::size_t K, class F>
std::array<V, K> sum_rows(std::int64_t begin, std::int64_t end, F f) {
  std::array<std::array<V, K>, 4> sums;
  for (auto& sum : sums) sum.fill(V(typename V::value_type(0)));
  std::int64_t r = begin;
  for (; r + 4 <= end; r += 4)
#pragma GCC unroll 4
    for (std::size_t i = 0; i < 4; ++i) {
      const std::array<V, K> term = f(r + static_cast<std::int64_t>(i));
#pragma GCC unroll 4
      for (std::size_t k = 0; k < K; ++k) sums[i][k] += term[k];
    }
  for (; r < end; ++r) {
    const std::array<V, K> term = f(r);
    for (std::size_t k = 0; k < K; ++k) sums[0][k] += term[k];
  }
  for (std::size_t k = 0; k < K; ++k) sums[0][k] = (sums[0][k] + sums[1][k]) + (sums[2][k] + sums[3][k]);
  return sums[0];
}

/// Calls f(c, count, G) for the columns in order, G an integral constant: the G whole vectors from column c on, count
/// = lanes; at last the rest as one vector of `count` lanes.
template <class T, class Arch, class F>
void for_each_column_group(std::int64_t cols, F f) {
  constexpr std::int64_t kL = kLanes<T, Arch>;
  using Lanes = std::integral_constant<std::int64_t, kL>;
  std::int64_t c = 0;
  for (; c + 4 * kL <= cols; c += 4 * kL) f(c, Lanes(), std::integral_constant<std::size_t, 4>());
  if (c + 2 * kL <= cols) {
    f(c, Lanes(), std::integral_constant<std::size_t, 2>());
    c += 2 * kL;
  }
  if (c + kL <= cols) {
    f(c, Lanes(), std::integral_constant<std::size_t, 1>());
    c += kL;
  }
  if (c < cols) f(c, cols - c, std::integral_constant<std::size_t, 1>());
}

namespace detail {
// prepare(c, count) for each of the G vectors of a group.
template <std::int64_t kStep, class Prepare, class Count, std::size_t... g>
auto prepare_group(Prepare& prepare, std::int64_t c, Count count, std::index_sequence<g...>) {
  return std::array{prepare(c + static_cast<std::int64_t>(g) * kStep, count)...};
}
}  // namespace detail

/// Calls `prepare(c, count)` for every vector of columns, and what it returns with every row of a chunk: the place
/// for elementwise work on [rows, cols].
template <class T, class Arch, class Prepare>
void for_each_row(std::int64_t rows, std::int64_t cols, Prepare prepare) {
  if (cols <= 0) return;
  parallel_for(rows, std::max<std::int64_t>(1, 16384 / cols), [&](std::int64_t begin, std::int64_t end) {
    for_each_column_group<T, Arch>(cols, [&](std::int64_t c, auto count, auto group) {
      auto apply = detail::prepare_group<kLanes<T, Arch>>(prepare, c, count,
                                                          std::make_index_sequence<decltype(group)::value>());
      for (std::int64_t r = begin; r < end; ++r)
#pragma GCC unroll 4
        for (auto& vector : apply) vector(r);
    });
  });
}

/// The K sums over rows [begin, end) of each of the G vectors of columns from c on: [G][K]. What prepare(c, count)
/// returns gives the terms of a row, std::array<V, K>. Four sums in flight hide the latency of an addition.
template <class T, class Arch, std::size_t K, std::size_t G, class Count, class Prepare>
auto sum_group(std::int64_t begin, std::int64_t end, std::int64_t c, Count count, Prepare prepare) {
  using V = Vec<T, Arch>;
  constexpr std::size_t kRows = 4 / G;
  auto terms = detail::prepare_group<kLanes<T, Arch>>(prepare, c, count, std::make_index_sequence<G>());
  std::array<std::array<std::array<V, K>, kRows>, G> sums;
  for (auto& rows : sums)
    for (auto& sum : rows) sum.fill(V(T(0)));
  const auto add = [&](std::int64_t r, std::size_t to) {
#pragma GCC unroll 4
    for (std::size_t g = 0; g < G; ++g) {
      const std::array<V, K> term = terms[g](r);
#pragma GCC unroll 4
      for (std::size_t k = 0; k < K; ++k) sums[g][to][k] += term[k];
    }
  };
  std::int64_t r = begin;
  for (; r + static_cast<std::int64_t>(kRows) <= end; r += static_cast<std::int64_t>(kRows))
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kRows; ++i) add(r + static_cast<std::int64_t>(i), i);
  for (; r < end; ++r) add(r, 0);
  std::array<std::array<V, K>, G> result;
#pragma GCC unroll 4
  for (std::size_t g = 0; g < G; ++g)
#pragma GCC unroll 4
    for (std::size_t k = 0; k < K; ++k) {
      if constexpr (kRows == 4)
        result[g][k] = (sums[g][0][k] + sums[g][1][k]) + (sums[g][2][k] + sums[g][3][k]);
      else if constexpr (kRows == 2)
        result[g][k] = sums[g][0][k] + sums[g][1][k];
      else
        result[g][k] = sums[g][0][k];
    }
  return result;
}

/// The K column sums over all rows, [K, cols] in double. What prepare(c, count) returns gives the terms of a row for
/// the `count` columns from c on, std::array<V, K>.
template <class T, class Arch, std::size_t K, class Prepare>
std::vector<double> sum_columns(std::int64_t rows, std::int64_t cols, Prepare prepare) {
  using V = Vec<T, Arch>;
  const RowBlocks shape(rows, cols);
  const auto width = static_cast<std::size_t>(cols) * K;
  std::vector<double> sums(width * static_cast<std::size_t>(std::max<std::int64_t>(1, shape.chunks)));
  parallel_for(shape.chunks, 1, [&](std::int64_t chunk, std::int64_t last) {
    for (; chunk < last; ++chunk) {
      double* sum = sums.data() + static_cast<std::size_t>(chunk) * width;
      const std::int64_t end = std::min(rows, (chunk + 1) * shape.chunk);
      for (std::int64_t row = chunk * shape.chunk; row < end; row += shape.block)
        for_each_column_group<T, Arch>(cols, [&](std::int64_t c, auto count, auto group) {
          constexpr std::size_t G = decltype(group)::value;
          const auto parts = sum_group<T, Arch, K, G>(row, std::min(end, row + shape.block), c, count, prepare);
          T lanes[V::size];
          for (std::size_t g = 0; g < G; ++g)
            for (std::size_t k = 0; k < K; ++k) {
              store_all(lanes, parts[g][k]);
              double* to = sum + static_cast<std::int64_t>(k) * cols + c + static_cast<std::int64_t>(g * V::size);
              for (std::int64_t i = 0; i < count; ++i) to[i] += double{lanes[i]};
            }
        });
    }
  });
  for (std::int64_t chunk = 1; chunk < shape.chunks; ++chunk)
    for (std::size_t i = 0; i < width; ++i) sums[i] += sums[static_cast<std::size_t>(chunk) * width + i];
  sums.resize(width);
  return sums;
}

}  // namespace bitgrain::kernels
