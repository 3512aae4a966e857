#pragma once

/// The ops of the engine that are neither convolutions nor requantizations: loops over [images][H][W][C] along the
/// channels. T is std::uint8_t for stored codes (s8 codes +128, which keeps their order) and float.

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "bitgrain/deploy/integer_network.hpp"

namespace bitgrain::deploy {

namespace detail {

// Calls tap(out, in, first) for every output pixel and every pixel of its window inside the image, and done(out)
// after the last; out and in are element offsets of the pixels' first channels.
template <class Tap, class Done>
void for_each_window(const PoolGeometry& g, std::int64_t images, Tap&& tap, Done&& done) {
  const Window2d& w = g.window;
  const std::int64_t out_h = g.out_h(), out_w = g.out_w();
  std::int64_t out = 0;
  for (std::int64_t n = 0; n < images; ++n)
    for (std::int64_t oy = 0; oy < out_h; ++oy)
      for (std::int64_t ox = 0; ox < out_w; ++ox, out += g.channels) {
        bool first = true;
        for (std::int64_t ky = 0; ky < w.kernel_h; ++ky) {
          const std::int64_t y = oy * w.stride_h - w.pad_h + ky * w.dilation_h;
          if (y < 0 || y >= g.in_h) continue;
          for (std::int64_t kx = 0; kx < w.kernel_w; ++kx) {
            const std::int64_t x = ox * w.stride_w - w.pad_w + kx * w.dilation_w;
            if (x < 0 || x >= g.in_w) continue;
            tap(out, ((n * g.in_h + y) * g.in_w + x) * g.channels, first);
            first = false;
          }
        }
        done(out);
      }
}

}  // namespace detail

/// y [images,Ho,Wo,C]: the largest element of each window.
template <class T>
void max_pool_rows(const PoolGeometry& g, std::int64_t images, const T* x, T* y) {
  detail::for_each_window(
      g, images,
      [&](std::int64_t out, std::int64_t in, bool first) {
        T* to = y + out;
        const T* from = x + in;
        if (first)
          std::copy_n(from, g.channels, to);
        else
          for (std::int64_t c = 0; c < g.channels; ++c) to[c] = to[c] < from[c] ? from[c] : to[c];
      },
      [](std::int64_t) {});
}

/// y [images,Ho,Wo,C]: the exact sum of (x - offset) over each window.
inline void sum_pool_rows(const PoolGeometry& g, std::int64_t images, const std::uint8_t* x, std::int32_t offset,
                          std::int32_t* y) {
  detail::for_each_window(
      g, images,
      [&](std::int64_t out, std::int64_t in, bool first) {
        std::int32_t* to = y + out;
        const std::uint8_t* from = x + in;
        if (first) std::fill_n(to, g.channels, 0);
        for (std::int64_t c = 0; c < g.channels; ++c) to[c] += from[c] - offset;
      },
      [](std::int64_t) {});
}

/// y [images,Ho,Wo,C]: the mean over each window, padding counted.
inline void mean_pool_rows(const PoolGeometry& g, std::int64_t images, const float* x, float* y) {
  const auto area = static_cast<float>(g.window.kernel_h * g.window.kernel_w);
  detail::for_each_window(
      g, images,
      [&](std::int64_t out, std::int64_t in, bool first) {
        if (first) std::fill_n(y + out, g.channels, 0.0f);
        for (std::int64_t c = 0; c < g.channels; ++c) y[out + c] += x[in + c];
      },
      [&](std::int64_t out) {
        for (std::int64_t c = 0; c < g.channels; ++c) y[out + c] /= area;
      });
}

/// Shortcut A: every stride-th pixel of x, `zero` in the channels before and after.
template <class T, class Text>
void subsample_pad_rows(const SubsamplePadOp& op, const BasicValue<Text>& in, std::int64_t images, const T* x, T zero,
                        T* y) {
  const std::int64_t out_h = (in.height + op.stride - 1) / op.stride, out_w = (in.width + op.stride - 1) / op.stride;
  const std::int64_t out_channels = op.pad_before + in.channels + op.pad_after;
  // Pixels are a few vectors long: one fill of everything and copies of a constant length take a fifth of the time of
  // three calls per pixel.
  constexpr std::int64_t kBlock = 16;
  std::fill_n(y, images * out_h * out_w * out_channels, zero);
  y += op.pad_before;
  for (std::int64_t n = 0; n < images; ++n)
    for (std::int64_t iy = 0; iy < in.height; iy += op.stride)
      for (std::int64_t ix = 0; ix < in.width; ix += op.stride, y += out_channels) {
        const T* from = x + ((n * in.height + iy) * in.width + ix) * in.channels;
        std::int64_t c = 0;
        for (; c + kBlock <= in.channels; c += kBlock) std::memcpy(y + c, from + c, kBlock * sizeof(T));
        for (; c < in.channels; ++c) y[c] = from[c];
      }
}

/// Image bytes [pixels][channels] through a table [channels][256].
template <class T>
void look_up_rows(const T* table, std::int64_t pixels, std::int64_t channels, const std::uint8_t* image, T* codes) {
  if (channels == 1) {
    for (std::int64_t i = 0; i < pixels; ++i) codes[i] = table[image[i]];
    return;
  }
  for (std::int64_t i = 0; i < pixels; ++i)
    for (std::int64_t c = 0; c < channels; ++c) *codes++ = table[c * 256 + *image++];
}

/// Float arithmetic: y_c = clip(sum over terms of scale_c * x_c + shift_c, low, high).
inline void affine_rows(const AffineOp& op, std::int64_t pixels, const float* const* sources, float* y) {
  const auto channels = static_cast<std::int64_t>(op.shift.size());
  for (std::int64_t p = 0; p < pixels; ++p, y += channels) {
    std::copy_n(op.shift.data(), channels, y);
    for (std::size_t t = 0; t < op.terms.size(); ++t) {
      const float* x = sources[t] + p * channels;
      const float* scale = op.terms[t].scale.data();
      for (std::int64_t c = 0; c < channels; ++c) y[c] += x[c] * scale[c];
    }
    for (std::int64_t c = 0; c < channels; ++c) {
      const float at_least = y[c] < op.low ? op.low : y[c];
      y[c] = at_least > op.high ? op.high : at_least;
    }
  }
}

}  // namespace bitgrain::deploy
