#pragma once

/// Batch normalisation (Ioffe and Szegedy 2015) of x [rows, channels]; for images rows = N H W. Every function reads
/// its arrays from memory once, the backward pass twice.

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
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

}  // namespace detail

/// Mean and biased variance (divided by `rows`) of every column of x [rows, channels]. Both are 0 if there are no
/// rows.
///
/// One pass: a block of n rows gives s = sum (x - k) and q = sum (x - k)^2 about a center k, so its mean is k + s / n
/// and M2 = q - s^2 / n; blocks are joined in double. The center is the mean of the block before (of the first block
/// of a chunk its own, which is then read twice, from the first-level cache). What q - s^2 / n loses to cancellation
/// is a rounding of n (mean - k)^2, and the sum of these squared steps from block to block is at most 4 times the
/// M2 between the blocks, which the variance contains: the result is as good as that of two passes, wherever the
/// mean lies. E[x^2] - E[x]^2 is not.
template <class T, class Arch = DefaultArch>
void batch_norm_statistics(std::int64_t rows, std::int64_t channels, const T* x, T* mean, T* var_biased) {
  using V = Vec<T, Arch>;
  if (channels <= 0) return;
  const RowBlocks shape(rows, channels);
  const auto width = static_cast<std::size_t>(channels);
  std::vector<double> moments(2 * width * static_cast<std::size_t>(std::max<std::int64_t>(1, shape.chunks)));
  const auto moments_of = [&](std::int64_t chunk) {
    double* first = moments.data() + 2 * width * static_cast<std::size_t>(chunk);
    return detail::ColumnMoments{first, first + width};
  };
  const auto rows_of = [&](std::int64_t chunk) {
    return static_cast<double>(std::min(rows, (chunk + 1) * shape.chunk) - chunk * shape.chunk);
  };
  parallel_for(shape.chunks, 1, [&](std::int64_t chunk, std::int64_t last) {
    const Scratch<T> center(width);
    for (; chunk < last; ++chunk) {
      const detail::ColumnMoments own = moments_of(chunk);
      const std::int64_t start = chunk * shape.chunk, end = std::min(rows, start + shape.chunk);
      for (std::int64_t row = start; row < end; row += shape.block) {
        const std::int64_t bottom = std::min(end, row + shape.block);
        const double n = static_cast<double>(bottom - row);
        for_each_column_group<T, Arch>(channels, [&](std::int64_t first, auto count, auto group) {
          constexpr std::size_t G = decltype(group)::value;
          if (row == start) {
            const auto sums = sum_group<T, Arch, 1, G>(row, bottom, first, count, [=](std::int64_t c, auto lanes) {
              return [=](std::int64_t r) { return std::array<V, 1>{load_lanes<V>(x + r * channels + c, lanes)}; };
            });
            for (std::size_t g = 0; g < G; ++g)
              store_lanes(center.data() + first + static_cast<std::int64_t>(g * V::size), count,
                          sums[g][0] / V(static_cast<T>(n)));
          }
          const auto sums = sum_group<T, Arch, 2, G>(
              row, bottom, first, count, [=, k = static_cast<const T*>(center.data())](std::int64_t c, auto lanes) {
                return [=, from = load_lanes<V>(k + c, lanes)](std::int64_t r) {
                  const V d = load_lanes<V>(x + r * channels + c, lanes) - from;
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
              block_mean[i] = double{center[static_cast<std::size_t>(c + i)]} + step;
              block_m2[i] = std::max(0.0, double{q[i]} - double{s[i]} * step);
              center[static_cast<std::size_t>(c + i)] = static_cast<T>(block_mean[i]);
            }
            own.join(c, count, static_cast<double>(row - start), n, block_mean, block_m2);
          }
        });
      }
    }
  });
  const detail::ColumnMoments all = moments_of(0);
  for (std::int64_t chunk = 1; chunk < shape.chunks; ++chunk)
    all.join(0, channels, static_cast<double>(chunk * shape.chunk), rows_of(chunk), moments_of(chunk).mean,
             moments_of(chunk).m2);
  for (std::int64_t c = 0; c < channels; ++c) {
    mean[c] = static_cast<T>(all.mean[c]);
    var_biased[c] = static_cast<T>(all.m2[c] / static_cast<double>(std::max<std::int64_t>(1, rows)));
  }
}

namespace detail {

// The affine function (x - mean) factor + shift of batch norm by channel; null gamma is 1, null beta 0.
template <class T>
struct NormFactors {
  NormFactors(std::int64_t channels, const T* inv_std, const T* gamma, const T* beta)
      : values_(static_cast<std::size_t>(2 * channels)), factor(values_.data()), shift(values_.data() + channels) {
    for (std::int64_t c = 0; c < channels; ++c) {
      values_.data()[c] = inv_std[c] * (gamma ? gamma[c] : T(1));
      values_.data()[channels + c] = beta ? beta[c] : T(0);
    }
  }

 private:
  Scratch<T> values_;

 public:
  const T* factor;
  const T* shift;
};

// The two passes of the backward of batch norm, and of what is fused with it: one for the sums, one that writes dx.
// first(c, count) and second(c, count) return for each pass a function from a row to the gradient of the normalised
// values there.
template <class T, class Arch, class First, class Second>
void batch_norm_backward_passes(std::int64_t rows, std::int64_t channels, const T* x, const T* mean, const T* inv_std,
                                const T* gamma, First first, Second second, T* dx, T* dgamma, T* dbeta) {
  using V = Vec<T, Arch>;
  if (channels <= 0) return;
  const std::vector<double> sums = sum_columns<T, Arch, 2>(rows, channels, [=](std::int64_t c, auto count) {
    return [=, gradient = first(c, count), center = load_lanes<V>(mean + c, count)](std::int64_t r) {
      const V d = gradient(r);
      return std::array<V, 2>{d, d * (load_lanes<V>(x + r * channels + c, count) - center)};
    };
  });
  // dx = a d + b (x - mean) + e
  const Scratch<T> coefficients(static_cast<std::size_t>(3 * channels));
  T *a = coefficients.data(), *b = a + channels, *e = b + channels;
  const double count_of_rows = static_cast<double>(std::max<std::int64_t>(1, rows));
  for (std::int64_t c = 0; c < channels; ++c) {
    const double s = double{inv_std[c]}, scale = s * (gamma ? double{gamma[c]} : 1.0);
    const double sum_dy = sums[static_cast<std::size_t>(c)];
    const double sum_dy_xhat = sums[static_cast<std::size_t>(channels + c)] * s;
    if (dgamma) dgamma[c] = static_cast<T>(sum_dy_xhat);
    if (dbeta) dbeta[c] = static_cast<T>(sum_dy);
    a[c] = static_cast<T>(scale);
    b[c] = static_cast<T>(-scale * s * sum_dy_xhat / count_of_rows);
    e[c] = static_cast<T>(-scale * sum_dy / count_of_rows);
  }
  for_each_row<T, Arch>(rows, channels, [=](std::int64_t c, auto count) {
    return [=, gradient = second(c, count), center = load_lanes<V>(mean + c, count), va = load_lanes<V>(a + c, count),
            vb = load_lanes<V>(b + c, count), ve = load_lanes<V>(e + c, count)](std::int64_t r) {
      const V rest = multiply_add(load_lanes<V>(x + r * channels + c, count) - center, vb, ve);
      store_lanes(dx + r * channels + c, count, multiply_add(gradient(r), va, rest));
    };
  });
}

}  // namespace detail

/// y = (x - mean) * inv_std * gamma + beta by column. Null `gamma` is 1, null `beta` 0. y may be x.
template <class T, class Arch = DefaultArch>
void batch_norm_forward(std::int64_t rows, std::int64_t channels, const T* x, const T* mean, const T* inv_std,
                        std::type_identity_t<const T*> gamma, std::type_identity_t<const T*> beta, T* y) {
  using V = Vec<T, Arch>;
  const detail::NormFactors<T> f(channels, inv_std, gamma, beta);
  for_each_row<T, Arch>(rows, channels, [=, factors = f.factor, shifts = f.shift](std::int64_t c, auto count) {
    return [=, center = load_lanes<V>(mean + c, count), factor = load_lanes<V>(factors + c, count),
            shift = load_lanes<V>(shifts + c, count)](std::int64_t r) {
      const std::int64_t i = r * channels + c;
      store_lanes(y + i, count, multiply_add(load_lanes<V>(x + i, count) - center, factor, shift));
    };
  });
}

/// Gradient in training mode, where mean and inv_std are functions of x:
///
///     xhat   = (x - mean) inv_std
///     dbeta  = sum dy           dgamma = sum dy xhat
///     dx     = gamma inv_std (dy - (dbeta + xhat dgamma) / rows)
///
/// Null `gamma` is 1; `dgamma` and `dbeta` may be null. dx may be dy.
template <class T, class Arch = DefaultArch>
void batch_norm_backward(std::int64_t rows, std::int64_t channels, const T* x, const T* dy, const T* mean,
                         const T* inv_std, std::type_identity_t<const T*> gamma, T* dx,
                         std::type_identity_t<T*> dgamma, std::type_identity_t<T*> dbeta) {
  const auto gradient = [=](std::int64_t c, auto count) {
    return [=](std::int64_t r) { return load_lanes<Vec<T, Arch>>(dy + r * channels + c, count); };
  };
  detail::batch_norm_backward_passes<T, Arch>(rows, channels, x, mean, inv_std, gamma, gradient, gradient, dx, dgamma,
                                              dbeta);
}

}  // namespace bitgrain::kernels
