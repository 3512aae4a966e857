#pragma once

/// Convolution of 1x1 without padding: a matrix product over all pixels in all three directions. With a stride, the
/// pixels that count are first gathered into a matrix of their own, or dx is scattered from one: a copy of a quarter
/// of the input at stride 2.

#include <algorithm>
#include <cstdint>
#include <optional>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/gemm.hpp"
#include "bitgrain/tensor/geometry.hpp"

namespace bitgrain::kernels {

/// Whether a convolution is a matrix product, and has pixels.
inline bool is_pointwise(const ConvGeometry& g) {
  const Window2d& w = g.window;
  return w.kernel_h == 1 && w.kernel_w == 1 && w.pad_h == 0 && w.pad_w == 0 && g.groups == 1 && g.output_size() > 0;
}

namespace detail {

inline bool is_strided(const ConvGeometry& g) { return g.window.stride_h > 1 || g.window.stride_w > 1; }
inline std::int64_t output_pixels(const ConvGeometry& g) { return g.batch * g.out_h() * g.out_w(); }

// The matrix of the input pixels that count: x itself, or a copy.
template <class T>
class StridedPixels {
 public:
  StridedPixels(const ConvGeometry& g, const T* x) : data_(x) {
    if (!is_strided(g)) return;
    copy_.emplace(static_cast<std::size_t>(output_pixels(g) * g.in_channels));
    data_ = copy_->data();
    const std::int64_t height = g.out_h(), width = g.out_w(), channels = g.in_channels;
    const std::int64_t grain = std::max<std::int64_t>(1, (1 << 15) / (width * channels));
    parallel_for(g.batch * height, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const T* from = x + (i / height * g.in_h + i % height * g.window.stride_h) * g.in_w * channels;
        T* to = copy_->data() + i * width * channels;
        for (std::int64_t p = 0; p < width; ++p)
          std::copy_n(from + p * g.window.stride_w * channels, channels, to + p * channels);
      }
    });
  }
  const T* data() const { return data_; }

 private:
  std::optional<Scratch<T>> copy_;
  const T* data_;
};

}  // namespace detail

/// y = x w^T + bias, row by row; `bias` may be null.
template <class T, class Arch>
void pointwise_forward(const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y) {
  const std::int64_t pixels = detail::output_pixels(g), in = g.in_channels, out = g.out_channels;
  if (bias)
    parallel_for(pixels, std::max<std::int64_t>(1, (1 << 15) / out), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t p = begin; p < end; ++p) std::copy_n(bias, out, y + p * out);
    });
  const detail::StridedPixels<T> a(g, x);
  gemm<T, Arch>(false, true, pixels, out, in, T(1), a.data(), in, w, in, bias ? T(1) : T(0), y, out);
}

/// dx = dy w at the pixels that count, and 0 elsewhere.
template <class T, class Arch>
void pointwise_backward_data(const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  const std::int64_t pixels = detail::output_pixels(g), in = g.in_channels, out = g.out_channels;
  if (!detail::is_strided(g)) return gemm<T, Arch>(false, false, pixels, in, out, T(1), dy, out, w, in, T(0), dx, in);
  const Scratch<T> dense(static_cast<std::size_t>(pixels * in));
  gemm<T, Arch>(false, false, pixels, in, out, T(1), dy, out, w, in, T(0), dense.data(), in);
  const std::int64_t lines = g.batch * g.in_h;
  parallel_for(lines, std::max<std::int64_t>(1, (1 << 15) / (g.in_w * in)),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) {
                   T* to = dx + i * g.in_w * in;
                   std::fill_n(to, g.in_w * in, T(0));
                   const std::int64_t row = i % g.in_h / g.window.stride_h;
                   if (i % g.in_h % g.window.stride_h != 0 || row >= g.out_h()) continue;
                   const T* from = dense.data() + (i / g.in_h * g.out_h() + row) * g.out_w() * in;
                   for (std::int64_t p = 0; p < g.out_w(); ++p)
                     std::copy_n(from + p * in, in, to + p * g.window.stride_w * in);
                 }
               });
}

/// dw = dy^T x.
template <class T, class Arch>
void pointwise_backward_weights(const ConvGeometry& g, const T* x, const T* dy, T* dw) {
  const std::int64_t pixels = detail::output_pixels(g), in = g.in_channels, out = g.out_channels;
  const detail::StridedPixels<T> b(g, x);
  gemm<T, Arch>(true, false, out, in, pixels, T(1), dy, out, b.data(), in, T(0), dw, in);
}

}  // namespace bitgrain::kernels
