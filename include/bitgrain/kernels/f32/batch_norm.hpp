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

/// Mean and biased variance (divided by `rows`) of every column of x [rows, channels]. Both are 0 if there are no
/// rows.
///
/// A block of rows is read twice while in the first-level cache: for its mean m, and for the squared distances from
/// it, corrected for the rounding of m: M2 = sum (x - m)^2 - (sum (x - m))^2 / n. Blocks are joined in double by the
/// update of Chan, Golub and LeVeque (1979),
///
///     d = mean_b - mean_a    mean = mean_a + d n_b / n    M2 = M2_a + M2_b + d^2 n_a n_b / n
///
/// so a mean far from zero costs no accuracy, as it would with E[x^2] - E[x]^2.
template <class T, class Arch = DefaultArch>
void batch_norm_statistics(std::int64_t rows, std::int64_t channels, const T* x, T* mean, T* var_biased) {
  using V = Vec<T, Arch>;
  const RowBlocks shape(rows, channels);
  struct Moments {
    double count = 0, mean = 0, m2 = 0;
    void join(double n, double other_mean, double other_m2) {
      const double d = other_mean - mean, total = count + n;
      mean += d * n / total;
      m2 += other_m2 + d * d * count * n / total;
      count = total;
    }
  };
  std::vector<Moments> moments(static_cast<std::size_t>(std::max<std::int64_t>(1, shape.chunks) * channels));
  parallel_for(shape.chunks, 1, [&](std::int64_t chunk, std::int64_t last) {
    for (; chunk < last; ++chunk) {
      const std::int64_t end = std::min(rows, (chunk + 1) * shape.chunk);
      for (std::int64_t row = chunk * shape.chunk; row < end; row += shape.block) {
        const std::int64_t bottom = std::min(end, row + shape.block);
        const T n = static_cast<T>(bottom - row);
        for (std::int64_t c = 0; c < channels; c += kLanes<T, Arch>) {
          const std::int64_t lanes = std::min(kLanes<T, Arch>, channels - c);
          const auto at = [&](std::int64_t r) { return load_lanes<V>(x + r * channels + c, lanes); };
          const V center =
              sum_rows<V, 1>(row, bottom, [&](std::int64_t r) { return std::array<V, 1>{at(r)}; })[0] / V(n);
          const auto sums = sum_rows<V, 2>(row, bottom, [&](std::int64_t r) {
            const V d = at(r) - center;
            return std::array<V, 2>{d, d * d};
          });
          T m[V::size], s[V::size], q[V::size];
          store_all(m, center);
          store_all(s, sums[0]);
          store_all(q, sums[1]);
          Moments* to = moments.data() + chunk * channels + c;
          for (std::int64_t i = 0; i < lanes; ++i) {
            const double rest = double{s[i]} / double{n};
            to[i].join(double{n}, double{m[i]} + rest, std::max(0.0, double{q[i]} - double{s[i]} * rest));
          }
        }
      }
    }
  });
  for (std::int64_t c = 0; c < channels; ++c) {
    Moments all = moments[static_cast<std::size_t>(c)];
    for (std::int64_t chunk = 1; chunk < shape.chunks; ++chunk) {
      const Moments& part = moments[static_cast<std::size_t>(chunk * channels + c)];
      all.join(part.count, part.mean, part.m2);
    }
    mean[c] = static_cast<T>(all.mean);
    var_biased[c] = static_cast<T>(all.count > 0 ? all.m2 / all.count : 0.0);
  }
}

namespace detail {

// Calls f(offset, c, count) for every row and vector of columns: offset of the first element, its column, the lanes.
template <class T, class Arch, class F>
void for_each_row_vector(std::int64_t rows, std::int64_t cols, F f) {
  if (cols <= 0) return;
  parallel_for(rows, std::max<std::int64_t>(1, 16384 / cols), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      std::int64_t c = 0;
      for (; c + kLanes<T, Arch> <= cols; c += kLanes<T, Arch>) f(r * cols + c, c, kLanes<T, Arch>);
      if (c < cols) f(r * cols + c, c, cols - c);
    }
  });
}

}  // namespace detail

/// y = (x - mean) * inv_std * gamma + beta by column. Null `gamma` is 1, null `beta` 0. y may be x.
template <class T, class Arch = DefaultArch>
void batch_norm_forward(std::int64_t rows, std::int64_t channels, const T* x, const T* mean, const T* inv_std,
                        std::type_identity_t<const T*> gamma, std::type_identity_t<const T*> beta, T* y) {
  using V = Vec<T, Arch>;
  Scratch<T> factor(static_cast<std::size_t>(channels)), shift(static_cast<std::size_t>(channels));
  for (std::int64_t c = 0; c < channels; ++c) {
    factor.data()[c] = inv_std[c] * (gamma ? gamma[c] : T(1));
    shift.data()[c] = beta ? beta[c] : T(0);
  }
  detail::for_each_row_vector<T, Arch>(
      rows, channels, [&, a = factor.data(), b = shift.data()](std::int64_t i, std::int64_t c, std::int64_t count) {
        const V d = load_lanes<V>(x + i, count) - load_lanes<V>(mean + c, count);
        store_lanes(y + i, count, multiply_add(d, load_lanes<V>(a + c, count), load_lanes<V>(b + c, count)));
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
  using V = Vec<T, Arch>;
  if (channels <= 0) return;
  const std::vector<double> sums =
      sum_columns<T, Arch, 2>(rows, channels, [=](std::int64_t r, std::int64_t c, std::int64_t count) {
        const V d = load_lanes<V>(dy + r * channels + c, count);
        const V from_mean = load_lanes<V>(x + r * channels + c, count) - load_lanes<V>(mean + c, count);
        return std::array<V, 2>{d, d * from_mean};
      });
  // dx = a dy + b (x - mean) + e
  Scratch<T> coefficients(static_cast<std::size_t>(3 * channels));
  T *a = coefficients.data(), *b = a + channels, *e = b + channels;
  for (std::int64_t c = 0; c < channels; ++c) {
    const double s = double{inv_std[c]}, scale = s * (gamma ? double{gamma[c]} : 1.0);
    const double sum_dy = sums[static_cast<std::size_t>(c)];
    const double sum_dy_xhat = sums[static_cast<std::size_t>(channels + c)] * s;
    if (dgamma) dgamma[c] = static_cast<T>(sum_dy_xhat);
    if (dbeta) dbeta[c] = static_cast<T>(sum_dy);
    a[c] = static_cast<T>(scale);
    b[c] = static_cast<T>(-scale * s * sum_dy_xhat / static_cast<double>(std::max<std::int64_t>(1, rows)));
    e[c] = static_cast<T>(-scale * sum_dy / static_cast<double>(std::max<std::int64_t>(1, rows)));
  }
  detail::for_each_row_vector<T, Arch>(rows, channels, [=](std::int64_t i, std::int64_t c, std::int64_t count) {
    const V from_mean = load_lanes<V>(x + i, count) - load_lanes<V>(mean + c, count);
    const V rest = multiply_add(from_mean, load_lanes<V>(b + c, count), load_lanes<V>(e + c, count));
    store_lanes(dx + i, count, multiply_add(load_lanes<V>(dy + i, count), load_lanes<V>(a + c, count), rest));
  });
}

}  // namespace bitgrain::kernels
