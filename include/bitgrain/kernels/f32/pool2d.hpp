#pragma once

/// Pooling of x [N,H,W,C] to y [N,Ho,Wo,C]. Vectors run along the channels.

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "bitgrain/base/check.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/columns.hpp"
#include "bitgrain/kernels/f32/convert_lanes.hpp"
#include "bitgrain/kernels/simd.hpp"
#include "bitgrain/tensor/geometry.hpp"

namespace bitgrain::kernels {
namespace detail {

// The taps of output position `o` that lie inside the image: kernel positions [begin, end) from input `first` on.
struct PoolSpan {
  PoolSpan(std::int64_t o, std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t pad,
           std::int64_t dilation)
      : first(o * stride - pad) {
    begin = first < 0 ? (-first + dilation - 1) / dilation : 0;
    end = std::min(kernel, (in - first + dilation - 1) / dilation);
  }
  std::int64_t first, begin, end;
};

// Calls f(image, y offset, rows, columns) for every output pixel of the images [begin, end).
template <class F>
void for_each_window(const PoolGeometry& g, std::int64_t begin, std::int64_t end, F f) {
  const Window2d& w = g.window;
  std::int64_t y = begin * g.out_h() * g.out_w() * g.channels;
  for (std::int64_t n = begin; n < end; ++n)
    for (std::int64_t oh = 0; oh < g.out_h(); ++oh) {
      const PoolSpan rows(oh, g.in_h, w.kernel_h, w.stride_h, w.pad_h, w.dilation_h);
      for (std::int64_t ow = 0; ow < g.out_w(); ++ow, y += g.channels)
        f(n, y, rows, PoolSpan(ow, g.in_w, w.kernel_w, w.stride_w, w.pad_w, w.dilation_w));
    }
}

// Calls f(place) for every element of a window inside the image, place = h * in_w + w.
template <class F>
void for_each_tap(const PoolGeometry& g, const PoolSpan& rows, const PoolSpan& columns, F f) {
  for (std::int64_t kh = rows.begin; kh < rows.end; ++kh)
    for (std::int64_t kw = columns.begin; kw < columns.end; ++kw)
      f((rows.first + kh * g.window.dilation_h) * g.in_w + columns.first + kw * g.window.dilation_w);
}

// Images per grain of parallel work.
inline std::int64_t pool_grain(const PoolGeometry& g) {
  return std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, g.in_h * g.in_w * g.channels));
}

template <class T>
T window_area(const PoolGeometry& g) {
  return static_cast<T>(g.window.kernel_h * g.window.kernel_w);
}

// Elements of E, T or bytes, which are compared as T.
template <class T, class Arch, class E>
void max_pool2d(const PoolGeometry& g, const E* x, E* y, std::int32_t* argmax) {
  using V = Vec<T, Arch>;
  g.validate("max pooling");
  BITGRAIN_CHECK(g.in_h * g.in_w <= (1 << 24), "max pooling takes images of at most 2^24 pixels, got ", g.in_h, "x",
                 g.in_w);
  const std::int64_t image_size = g.in_h * g.in_w * g.channels;
  parallel_for(g.batch, pool_grain(g), [&](std::int64_t begin, std::int64_t end) {
    for_each_window(g, begin, end, [&](std::int64_t n, std::int64_t at, const auto& rows, const auto& columns) {
      const E* image = x + n * image_size;
      for (std::int64_t c = 0; c < g.channels; c += kLanes<T, Arch>) {
        const std::int64_t count = std::min(kLanes<T, Arch>, g.channels - c);
        V best(T(0)), winner(T(0));
        bool first = true;
        for_each_tap(g, rows, columns, [&](std::int64_t place) {
          const V v = load_elements<V>(image + place * g.channels + c, count);
          const auto wins = v > best || !(v == v);  // not v != v: xsimd's is false for NaN
          best = first ? v : select(wins, v, best);
          winner = first ? V(static_cast<T>(place)) : select(wins, V(static_cast<T>(place)), winner);
          first = false;
        });
        if constexpr (std::is_same_v<E, T>)
          store_lanes(y + at + c, count, best);
        else
          store_bytes(y + at + c, count, best);
        if (!argmax) continue;
        T places[V::size];
        store_all(places, winner);
        for (std::int64_t i = 0; i < count; ++i) argmax[at + c + i] = static_cast<std::int32_t>(places[i]);
      }
    });
  });
}

}  // namespace detail

/// Max pooling. Padding never wins; of equal elements the first in row-major order wins; a NaN wins. `argmax` (or
/// null) [N,Ho,Wo,C] receives the place h * W + w of the winner within its image. Throws Error for images of more
/// than 2^24 pixels (places are carried as float).
template <class T, class Arch = DefaultArch>
void max_pool2d_forward(const PoolGeometry& g, const T* x, T* y, std::int32_t* argmax) {
  detail::max_pool2d<T, Arch>(g, x, y, argmax);
}
/// The same for codes, whose numbers grow with them.
template <class Arch = DefaultArch>
void max_pool2d_codes(const PoolGeometry& g, const std::uint8_t* x, std::uint8_t* y, std::int32_t* argmax) {
  detail::max_pool2d<float, Arch>(g, x, y, argmax);
}

/// Gradient of max pooling: dy goes to the winners. Overwrites dx.
template <class T, class Arch = DefaultArch>
void max_pool2d_backward(const PoolGeometry& g, const T* dy, const std::int32_t* argmax, T* dx) {
  g.validate("max pooling");
  const std::int64_t image_size = g.in_h * g.in_w * g.channels;
  parallel_for(g.batch, detail::pool_grain(g), [&](std::int64_t begin, std::int64_t end) {
    std::fill(dx + begin * image_size, dx + end * image_size, T(0));
    detail::for_each_window(g, begin, end, [&](std::int64_t n, std::int64_t at, const auto&, const auto&) {
      T* image = dx + n * image_size;
      for (std::int64_t c = 0; c < g.channels; ++c) image[argmax[at + c] * g.channels + c] += dy[at + c];
    });
  });
}

/// Average pooling: the sum over the window, padding counted as zeros, divided by kernel_h * kernel_w (PyTorch's
/// count_include_pad = true). A window of the whole image is global average pooling.
template <class T, class Arch = DefaultArch>
void avg_pool2d_forward(const PoolGeometry& g, const T* x, T* y) {
  using V = Vec<T, Arch>;
  g.validate("average pooling");
  const V area(detail::window_area<T>(g));
  parallel_for(g.batch, detail::pool_grain(g), [&](std::int64_t begin, std::int64_t end) {
    detail::for_each_window(g, begin, end,
                            [&](std::int64_t n, std::int64_t at, const auto& rows, const auto& columns) {
                              const T* image = x + n * g.in_h * g.in_w * g.channels;
                              for (std::int64_t c = 0; c < g.channels; c += kLanes<T, Arch>) {
                                const std::int64_t count = std::min(kLanes<T, Arch>, g.channels - c);
                                V sum(T(0));
                                detail::for_each_tap(g, rows, columns, [&](std::int64_t place) {
                                  sum += load_lanes<V>(image + place * g.channels + c, count);
                                });
                                store_lanes(y + at + c, count, sum / area);
                              }
                            });
  });
}

/// Gradient of average pooling. Overwrites dx.
template <class T, class Arch = DefaultArch>
void avg_pool2d_backward(const PoolGeometry& g, const T* dy, T* dx) {
  using V = Vec<T, Arch>;
  g.validate("average pooling");
  const V area(detail::window_area<T>(g));
  const std::int64_t image_size = g.in_h * g.in_w * g.channels;
  parallel_for(g.batch, detail::pool_grain(g), [&](std::int64_t begin, std::int64_t end) {
    std::fill(dx + begin * image_size, dx + end * image_size, T(0));
    detail::for_each_window(g, begin, end,
                            [&](std::int64_t n, std::int64_t at, const auto& rows, const auto& columns) {
                              T* image = dx + n * image_size;
                              for (std::int64_t c = 0; c < g.channels; c += kLanes<T, Arch>) {
                                const std::int64_t count = std::min(kLanes<T, Arch>, g.channels - c);
                                const V share = load_lanes<V>(dy + at + c, count) / area;
                                detail::for_each_tap(g, rows, columns, [&](std::int64_t place) {
                                  T* to = image + place * g.channels + c;
                                  store_lanes(to, count, load_lanes<V>(to, count) + share);
                                });
                              }
                            });
  });
}

}  // namespace bitgrain::kernels
