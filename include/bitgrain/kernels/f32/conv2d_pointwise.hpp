#pragma once

/// Convolution of 1x1 with stride 1 and no padding: a matrix product over all pixels in all three directions.

#include <algorithm>
#include <cstdint>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/gemm.hpp"
#include "bitgrain/tensor/geometry.hpp"

namespace bitgrain::kernels {

/// Whether a convolution is a matrix product, and has pixels.
inline bool is_pointwise(const ConvGeometry& g) {
  return g.window == Window2d{} && g.groups == 1 && g.batch * g.in_h * g.in_w > 0;
}

/// y = x w^T + bias, row by row; `bias` may be null.
template <class T, class Arch>
void pointwise_forward(const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y) {
  const std::int64_t pixels = g.batch * g.in_h * g.in_w, in = g.in_channels, out = g.out_channels;
  if (bias)
    parallel_for(pixels, std::max<std::int64_t>(1, (1 << 15) / out), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t p = begin; p < end; ++p) std::copy_n(bias, out, y + p * out);
    });
  gemm<T, Arch>(false, true, pixels, out, in, T(1), x, in, w, in, bias ? T(1) : T(0), y, out);
}

/// dx = dy w.
template <class T, class Arch>
void pointwise_backward_data(const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  const std::int64_t in = g.in_channels, out = g.out_channels;
  gemm<T, Arch>(false, false, g.batch * g.in_h * g.in_w, in, out, T(1), dy, out, w, in, T(0), dx, in);
}

/// dw = dy^T x.
template <class T, class Arch>
void pointwise_backward_weights(const ConvGeometry& g, const T* x, const T* dy, T* dw) {
  const std::int64_t in = g.in_channels, out = g.out_channels;
  gemm<T, Arch>(true, false, out, in, g.batch * g.in_h * g.in_w, T(1), dy, out, x, in, T(0), dw, in);
}

}  // namespace bitgrain::kernels
