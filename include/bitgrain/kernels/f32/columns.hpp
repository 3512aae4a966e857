#pragma once

/// Sums over the rows of a [rows, cols] array, one result per column: biases, batch norm.
///
/// Rows are cut into blocks of about 32 KB, which stay in the first-level cache while one vector of columns after the
/// other is summed up in T; blocks are added in double, and chunks of blocks (at most 64, the grains of parallel
/// work) have sums of their own that are added in order. So results do not depend on threads, and rounding errors
/// grow with the length of a block, not of the array.

#include <algorithm>
#include <array>
#include <cstdint>
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
    for (std::size_t i = 0; i < 4; ++i) {
      const std::array<V, K> term = f(r + static_cast<std::int64_t>(i));
      for (std::size_t k = 0; k < K; ++k) sums[i][k] += term[k];
    }
  for (; r < end; ++r) {
    const std::array<V, K> term = f(r);
    for (std::size_t k = 0; k < K; ++k) sums[0][k] += term[k];
  }
  for (std::size_t k = 0; k < K; ++k) sums[0][k] = (sums[0][k] + sums[1][k]) + (sums[2][k] + sums[3][k]);
  return sums[0];
}

/// The K column sums of f over all rows, [K, cols] in double. f(r, c, count) returns the terms of row r for the
/// `count` columns from c on, as std::array<V, K>.
template <class T, class Arch, std::size_t K, class F>
std::vector<double> sum_columns(std::int64_t rows, std::int64_t cols, F f) {
  using V = Vec<T, Arch>;
  const RowBlocks shape(rows, cols);
  const auto width = static_cast<std::size_t>(cols) * K;
  std::vector<double> sums(width * static_cast<std::size_t>(std::max<std::int64_t>(1, shape.chunks)));
  parallel_for(shape.chunks, 1, [&](std::int64_t chunk, std::int64_t last) {
    for (; chunk < last; ++chunk) {
      double* sum = sums.data() + static_cast<std::size_t>(chunk) * width;
      const std::int64_t end = std::min(rows, (chunk + 1) * shape.chunk);
      for (std::int64_t row = chunk * shape.chunk; row < end; row += shape.block)
        for (std::int64_t c = 0; c < cols; c += kLanes<T, Arch>) {
          const std::int64_t count = std::min(kLanes<T, Arch>, cols - c);
          const auto part =
              sum_rows<V, K>(row, std::min(end, row + shape.block), [&](std::int64_t r) { return f(r, c, count); });
          T lanes[V::size];
          for (std::size_t k = 0; k < K; ++k) {
            store_all(lanes, part[k]);
            for (std::int64_t i = 0; i < count; ++i)
              sum[static_cast<std::int64_t>(k) * cols + c + i] += double{lanes[i]};
          }
        }
    }
  });
  for (std::int64_t chunk = 1; chunk < shape.chunks; ++chunk)
    for (std::size_t i = 0; i < width; ++i) sums[i] += sums[static_cast<std::size_t>(chunk) * width + i];
  sums.resize(width);
  return sums;
}

}  // namespace bitgrain::kernels
