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
#include "bitgrain/kernels/f32/column_moments.hpp"
#include "bitgrain/kernels/f32/columns.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// Mean and biased variance (divided by `rows`) of every column of x [rows, channels], in one pass
/// (column_moments.hpp). Both are 0 if there are no rows.
template <class T, class Arch = DefaultArch>
void batch_norm_statistics(std::int64_t rows, std::int64_t channels, const T* x, T* mean, T* var_biased) {
  using V = Vec<T, Arch>;
  if (channels <= 0) return;
  const RowBlocks shape(rows, channels);
  ChunkedMoments moments(shape.chunks, channels);
  parallel_for(shape.chunks, 1, [&](std::int64_t chunk, std::int64_t last) {
    const Scratch<T> center(static_cast<std::size_t>(channels));
    for (; chunk < last; ++chunk) {
      const std::int64_t end = std::min(rows, (chunk + 1) * shape.chunk);
      for (std::int64_t row = chunk * shape.chunk; row < end; row += shape.block) {
        const T* block = x + row * channels;
        moments.add<T, Arch>(chunk, center.data(), std::min(end - row, shape.block), shape.block,
                             [=](std::int64_t c, auto count) {
                               return [=](std::int64_t r) { return load_lanes<V>(block + r * channels + c, count); };
                             });
      }
    }
  });
  moments.finish(mean, var_biased);
}

namespace detail {

// The affine function (x - mean) factor + shift of batch norm by channel; null gamma is 1, null beta 0.
template <class T>
struct NormFactors {
  NormFactors(std::int64_t channels, const T* inv_std, const T* gamma, const T* beta)
      : values_(static_cast<std::size_t>(2 * channels)), factor(values_.data()), shift(values_.data() + channels) {
    T *factors = values_.data(), *shifts = factors + channels;
    // No choice within a loop: compilers make masked loads of it, which are slow where nothing can be read, and which
    // QEMU 7 does read.
    if (gamma == nullptr)
      std::copy_n(inv_std, channels, factors);
    else
      for (std::int64_t c = 0; c < channels; ++c) factors[c] = inv_std[c] * gamma[c];
    if (beta == nullptr)
      std::fill_n(shifts, channels, T(0));
    else
      std::copy_n(beta, channels, shifts);
  }

 private:
  Scratch<T> values_;

 public:
  const T* factor;
  const T* shift;
};

// The gradient of batch norm as a function of that of the normalised values: dx = a dy + b (x - mean) + e by channel.
template <class T>
class NormGradient {
 public:
  // `sums`: of dy by channel, then of dy (x - mean). Writes dgamma and dbeta, unless they are null.
  NormGradient(std::int64_t rows, std::int64_t channels, const double* sums, const T* inv_std, const T* gamma,
               T* dgamma, T* dbeta)
      : coefficients_(static_cast<std::size_t>(3 * channels)), channels_(channels) {
    T *a = coefficients_.data(), *b = a + channels, *e = b + channels;
    const double count_of_rows = static_cast<double>(std::max<std::int64_t>(1, rows));
    for (std::int64_t c = 0; c < channels; ++c) {
      const double s = double{inv_std[c]}, scale = s * (gamma ? double{gamma[c]} : 1.0);
      const double sum_dy = sums[c];
      const double sum_dy_xhat = sums[channels + c] * s;
      if (dgamma) dgamma[c] = static_cast<T>(sum_dy_xhat);
      if (dbeta) dbeta[c] = static_cast<T>(sum_dy);
      a[c] = static_cast<T>(scale);
      b[c] = static_cast<T>(-scale * s * sum_dy_xhat / count_of_rows);
      e[c] = static_cast<T>(-scale * sum_dy / count_of_rows);
    }
  }
  // terms(c, count) returns a function from a row to dy and x - mean there, std::array<V, 2>.
  template <class Arch, class Terms>
  void write(std::int64_t rows, Terms terms, T* dx) const {
    using V = Vec<T, Arch>;
    const std::int64_t channels = channels_;
    const T *a = coefficients_.data(), *b = a + channels, *e = b + channels;
    for_each_row<T, Arch>(rows, channels, [=](std::int64_t c, auto count) {
      return [=, term = terms(c, count), va = load_lanes<V>(a + c, count), vb = load_lanes<V>(b + c, count),
              ve = load_lanes<V>(e + c, count)](std::int64_t r) {
        const std::array<V, 2> t = term(r);
        store_lanes(dx + r * channels + c, count, multiply_add(t[0], va, multiply_add(t[1], vb, ve)));
      };
    });
  }

 private:
  Scratch<T> coefficients_;
  std::int64_t channels_;
};

// The two passes of the backward of batch norm, and of what is fused with it: one for the sums, one that writes dx.
// first(c, count) and second(c, count) return for each pass a function from a row to the gradient of the normalised
// values there.
template <class T, class Arch, class First, class Second>
void batch_norm_backward_passes(std::int64_t rows, std::int64_t channels, const T* x, const T* mean, const T* inv_std,
                                const T* gamma, First first, Second second, T* dx, T* dgamma, T* dbeta) {
  using V = Vec<T, Arch>;
  if (channels <= 0) return;
  const auto centered = [=](std::int64_t c, auto count) {
    return [=, center = load_lanes<V>(mean + c, count)](std::int64_t r) {
      return load_lanes<V>(x + r * channels + c, count) - center;
    };
  };
  const std::vector<double> sums = sum_columns<T, Arch, 2>(rows, channels, [=](std::int64_t c, auto count) {
    return [gradient = first(c, count), value = centered(c, count)](std::int64_t r) {
      const V d = gradient(r);
      return std::array<V, 2>{d, d * value(r)};
    };
  });
  const NormGradient<T> gradient(rows, channels, sums.data(), inv_std, gamma, dgamma, dbeta);
  const auto terms = [=](std::int64_t c, auto count) {
    return [gradient = second(c, count), value = centered(c, count)](std::int64_t r) {
      return std::array<V, 2>{gradient(r), value(r)};
    };
  };
  gradient.template write<Arch>(rows, terms, dx);
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
