#pragma once

/// Convolution of 1x1 without padding: a matrix product over all pixels in all three directions. With a stride, the
/// pixels that count are first gathered into a matrix of their own, or dx is scattered from one; forward and for dx a
/// block of lines at a time, so that this matrix stays in the second-level cache.

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

// The pixels of output line `line` (of all images) that count, as rows of a matrix.
template <class T>
void gather_line(const ConvGeometry& g, const T* x, std::int64_t line, T* to) {
  const std::int64_t height = g.out_h(), channels = g.in_channels;
  const T* from = x + (line / height * g.in_h + line % height * g.window.stride_h) * g.in_w * channels;
  for (std::int64_t p = 0; p < g.out_w(); ++p)
    std::copy_n(from + p * g.window.stride_w * channels, channels, to + p * channels);
}

// Calls run(first, last, matrix) for blocks of output lines of about 1024 pixels (2 % of a product goes into packing
// the weights again), with memory for their input pixels.
template <class T, class Run>
void for_each_strided_block(const ConvGeometry& g, Run run) {
  const std::int64_t lines = g.batch * g.out_h(), block = std::max<std::int64_t>(1, 1024 / g.out_w());
  parallel_for((lines + block - 1) / block, 1, [&](std::int64_t begin, std::int64_t end) {
    const Scratch<T> matrix(static_cast<std::size_t>(block * g.out_w() * g.in_channels));
    for (; begin < end; ++begin) run(begin * block, std::min(lines, (begin + 1) * block), matrix.data());
  });
}

// The input lines from the one that output line `line` (of all images) reads down to the next such line.
struct InputLines {
  std::int64_t first, count;
};
inline InputLines input_lines(const ConvGeometry& g, std::int64_t line) {
  const std::int64_t height = g.out_h(), row = line % height * g.window.stride_h;
  const std::int64_t end = line % height + 1 < height ? row + g.window.stride_h : g.in_h;
  return {line / height * g.in_h + row, end - row};
}

// dx with a stride, where a product of one line packs nothing: its results go to their pixels at once, among zeros.
template <class T, class Arch>
void pointwise_data_lines(const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  const std::int64_t in = g.in_channels, out = g.out_channels, width = g.out_w(), pitch = g.window.stride_w * in;
  const std::int64_t work = width * in * out;
  parallel_for(
      g.batch * g.out_h(), std::max<std::int64_t>(1, (1 << 20) / work), [&](std::int64_t line, std::int64_t end) {
        for (; line < end; ++line) {
          const InputLines lines = input_lines(g, line);
          T* to = dx + lines.first * g.in_w * in;
          std::fill_n(to, lines.count * g.in_w * in, T(0));
          gemm<T, Arch>(false, false, width, in, out, T(1), dy + line * width * out, out, w, in, T(0), to, pitch);
        }
      });
}

// The matrix of the input pixels that count: x itself, or a copy.
template <class T>
class StridedPixels {
 public:
  StridedPixels(const ConvGeometry& g, const T* x) : data_(x) {
    if (!is_strided(g)) return;
    copy_.emplace(static_cast<std::size_t>(output_pixels(g) * g.in_channels));
    data_ = copy_->data();
    const std::int64_t line = g.out_w() * g.in_channels;
    parallel_for(g.batch * g.out_h(), std::max<std::int64_t>(1, (1 << 15) / line),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (; begin < end; ++begin) gather_line(g, x, begin, copy_->data() + begin * line);
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
  const T beta = bias ? T(1) : T(0);
  if (!detail::is_strided(g)) return gemm<T, Arch>(false, true, pixels, out, in, T(1), x, in, w, in, beta, y, out);
  detail::for_each_strided_block<T>(g, [&](std::int64_t first, std::int64_t last, T* matrix) {
    const std::int64_t width = g.out_w();
    for (std::int64_t line = first; line < last; ++line)
      detail::gather_line(g, x, line, matrix + (line - first) * width * in);
    gemm<T, Arch>(false, true, (last - first) * width, out, in, T(1), matrix, in, w, in, beta,
                  y + first * width * out, out);
  });
}

/// dx = dy w at the pixels that count, and 0 elsewhere.
template <class T, class Arch>
void pointwise_backward_data(const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  const std::int64_t pixels = detail::output_pixels(g), in = g.in_channels, out = g.out_channels;
  if (!detail::is_strided(g)) return gemm<T, Arch>(false, false, pixels, in, out, T(1), dy, out, w, in, T(0), dx, in);
  if (in <= 256 && in * out <= (1 << 16)) return detail::pointwise_data_lines<T, Arch>(g, dy, w, dx);
  detail::for_each_strided_block<T>(g, [&](std::int64_t first, std::int64_t last, T* matrix) {
    const std::int64_t width = g.out_w();
    gemm<T, Arch>(false, false, (last - first) * width, in, out, T(1), dy + first * width * out, out, w, in, T(0),
                  matrix, in);
    for (std::int64_t line = first; line < last; ++line) {
      const auto lines = detail::input_lines(g, line);
      T* to = dx + lines.first * g.in_w * in;
      std::fill_n(to, lines.count * g.in_w * in, T(0));
      for (std::int64_t p = 0; p < width; ++p)
        std::copy_n(matrix + ((line - first) * width + p) * in, in, to + p * g.window.stride_w * in);
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
