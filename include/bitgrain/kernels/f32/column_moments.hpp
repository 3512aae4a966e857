#pragma once

/// Means and variances of columns that arrive in blocks of rows.
///
/// One pass: a block of n rows gives s = sum (x - k) and q = sum (x - k)^2 about a center k, so its mean is k + s / n
/// and M2 = q - s^2 / n; blocks are joined in double. The center is the mean of the block before (of the first block
/// that of its first rows, which are then read twice, from the first-level cache). What q - s^2 / n loses to
/// cancellation is a rounding of n (mean - k)^2, and the sum of these squared steps from block to block is at most 4
/// times the M2 between the blocks, which the variance contains: the result is as good as that of two passes,
/// wherever the mean lies. E[x^2] - E[x]^2 is not.

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/kernels/f32/columns.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

namespace detail {

// Means and sums of squared distances from them of every column, over the rows seen so far. Two sets are joined by
// the update of Chan, Golub and LeVeque (1979):
//
//     d = mean_b - mean_a    mean = mean_a + d n_b / n    M2 = M2_a + M2_b + d^2 n_a n_b / n
struct ColumnMoments {
  double* mean;
  double* m2;
  // Joins the columns [c, c + count), of `seen` rows, with those of n others.
  void join(std::int64_t c, std::int64_t count, double seen, double n, const double* other_mean,
            const double* other_m2) const {
    const double share = n / (seen + n), weight = seen * share;
    for (std::int64_t i = 0; i < count; ++i) {
      const double d = other_mean[i] - mean[c + i];
      mean[c + i] += d * share;
      m2[c + i] += other_m2[i] + d * d * weight;
    }
  }
};

// Adds a block of `rows` rows to the moments `own`, of `seen` rows. `load(c, count)` returns a function from a row of
// the block, 0 <= r < rows, to the `count` numbers from column c on; it may do something on the way, once or, for the
// first `probe` rows of the first block (seen = 0), twice. `center` is kept from block to block.
template <class T, class Arch, class Load>
void add_moments(const ColumnMoments& own, T* center, std::int64_t seen, std::int64_t rows, std::int64_t channels,
                 std::int64_t probe, Load load) {
  using V = Vec<T, Arch>;
  const double n = static_cast<double>(rows);
  for_each_column_group<T, Arch>(channels, [&](std::int64_t first, auto count, auto group) {
    constexpr std::size_t G = decltype(group)::value;
    if (seen == 0) {
      const std::int64_t few = std::min(rows, probe);
      const auto sums = sum_group<T, Arch, 1, G>(0, few, first, count, [=](std::int64_t c, auto lanes) {
        return [value = load(c, lanes)](std::int64_t r) { return std::array<V, 1>{value(r)}; };
      });
      for (std::size_t g = 0; g < G; ++g)
        store_lanes(center + first + static_cast<std::int64_t>(g * V::size), count,
                    sums[g][0] / V(static_cast<T>(few)));
    }
    const auto sums = sum_group<T, Arch, 2, G>(
        0, rows, first, count, [=, k = static_cast<const T*>(center)](std::int64_t c, auto lanes) {
          return [value = load(c, lanes), from = load_lanes<V>(k + c, lanes)](std::int64_t r) {
            const V d = value(r) - from;
            return std::array<V, 2>{d, d * d};
          };
        });
    for (std::size_t g = 0; g < G; ++g) {
      T s[V::size], q[V::size];
      store_all(s, sums[g][0]);
      store_all(q, sums[g][1]);
      const std::int64_t c = first + static_cast<std::int64_t>(g * V::size);
      double block_mean[V::size], block_m2[V::size];
      for (std::int64_t i = 0; i < count; ++i) {
        const double step = double{s[i]} * (1 / n);
        block_mean[i] = double{center[c + i]} + step;
        block_m2[i] = std::max(0.0, double{q[i]} - double{s[i]} * step);
        center[c + i] = static_cast<T>(block_mean[i]);
      }
      own.join(c, count, static_cast<double>(seen), n, block_mean, block_m2);
    }
  });
}

}  // namespace detail

/// The moments of chunks of rows, gathered in any order and joined in the order of the chunks.
class ChunkedMoments {
 public:
  ChunkedMoments(std::int64_t chunks, std::int64_t channels)
      : chunks_(std::max<std::int64_t>(1, chunks)),
        channels_(channels),
        values_(static_cast<std::size_t>(2 * chunks_ * channels)),
        rows_(static_cast<std::size_t>(chunks_)) {}

  /// Adds a block to a chunk; see detail::add_moments.
  template <class T, class Arch, class Load>
  void add(std::int64_t chunk, T* center, std::int64_t rows, std::int64_t probe, Load load) {
    std::int64_t& seen = rows_[static_cast<std::size_t>(chunk)];
    detail::add_moments<T, Arch>(of(chunk), center, seen, rows, channels_, probe, load);
    seen += rows;
  }
  /// Mean and biased variance of every column over all chunks. Both are 0 if there were no rows.
  template <class T>
  void finish(T* mean, T* var_biased) {
    const detail::ColumnMoments all = of(0);
    std::int64_t seen = rows_[0];
    for (std::int64_t chunk = 1; chunk < chunks_; ++chunk) {
      const std::int64_t more = rows_[static_cast<std::size_t>(chunk)];
      if (more == 0) continue;
      all.join(0, channels_, static_cast<double>(seen), static_cast<double>(more), of(chunk).mean, of(chunk).m2);
      seen += more;
    }
    for (std::int64_t c = 0; c < channels_; ++c) {
      mean[c] = static_cast<T>(all.mean[c]);
      var_biased[c] = static_cast<T>(all.m2[c] / static_cast<double>(std::max<std::int64_t>(1, seen)));
    }
  }

 private:
  detail::ColumnMoments of(std::int64_t chunk) {
    double* first = values_.data() + 2 * channels_ * chunk;
    return {first, first + channels_};
  }

  std::int64_t chunks_, channels_;
  std::vector<double> values_;
  std::vector<std::int64_t> rows_;
};

}  // namespace bitgrain::kernels
