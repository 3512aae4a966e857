#pragma once

#include <cstdint>

#include "bitgrain/tensor/geometry.hpp"

namespace bitgrain::kernels::reference {

/// Calls `visit(x_index, y_index, place)` for every element of every window that lies inside the image, windows in
/// row-major order; `place` = h * in_w + w within the image.
template <class Visit>
void for_each_in_window(const PoolGeometry& g, Visit visit) {
  const Window2d& w = g.window;
  for (std::int64_t n = 0; n < g.batch; ++n)
    for (std::int64_t oh = 0; oh < g.out_h(); ++oh)
      for (std::int64_t ow = 0; ow < g.out_w(); ++ow)
        for (std::int64_t c = 0; c < g.channels; ++c)
          for (std::int64_t kh = 0; kh < w.kernel_h; ++kh)
            for (std::int64_t kw = 0; kw < w.kernel_w; ++kw) {
              const std::int64_t ih = oh * w.stride_h - w.pad_h + kh * w.dilation_h;
              const std::int64_t iw = ow * w.stride_w - w.pad_w + kw * w.dilation_w;
              if (ih < 0 || ih >= g.in_h || iw < 0 || iw >= g.in_w) continue;
              const std::int64_t place = ih * g.in_w + iw;
              visit((n * g.in_h * g.in_w + place) * g.channels + c,
                    ((n * g.out_h() + oh) * g.out_w() + ow) * g.channels + c, place);
            }
}

/// The readable oracle of kernels::max_pool2d_forward.
template <class T>
void max_pool2d_forward(const PoolGeometry& g, const T* x, T* y, std::int32_t* argmax) {
  g.validate();
  std::int64_t current = -1;  // the window that was visited last
  for_each_in_window(g, [&](std::int64_t xi, std::int64_t yi, std::int64_t place) {
    if (yi == current && !(x[xi] > y[yi]) && x[xi] == x[xi]) return;
    current = yi;
    y[yi] = x[xi];
    if (argmax) argmax[yi] = static_cast<std::int32_t>(place);
  });
}

/// The readable oracle of kernels::max_pool2d_backward.
template <class T>
void max_pool2d_backward(const PoolGeometry& g, const T* dy, const std::int32_t* argmax, T* dx) {
  g.validate();
  for (std::int64_t i = 0; i < g.input_size(); ++i) dx[i] = T(0);
  for (std::int64_t i = 0; i < g.output_size(); ++i) {
    const std::int64_t image = i / (g.out_h() * g.out_w() * g.channels);
    dx[(image * g.in_h * g.in_w + argmax[i]) * g.channels + i % g.channels] += dy[i];
  }
}

/// The readable oracle of kernels::avg_pool2d_forward.
template <class T>
void avg_pool2d_forward(const PoolGeometry& g, const T* x, T* y) {
  g.validate();
  for (std::int64_t i = 0; i < g.output_size(); ++i) y[i] = T(0);
  for_each_in_window(g, [&](std::int64_t xi, std::int64_t yi, std::int64_t) { y[yi] += x[xi]; });
  const T area = static_cast<T>(g.window.kernel_h * g.window.kernel_w);
  for (std::int64_t i = 0; i < g.output_size(); ++i) y[i] /= area;
}

/// The readable oracle of kernels::avg_pool2d_backward.
template <class T>
void avg_pool2d_backward(const PoolGeometry& g, const T* dy, T* dx) {
  g.validate();
  const T area = static_cast<T>(g.window.kernel_h * g.window.kernel_w);
  for (std::int64_t i = 0; i < g.input_size(); ++i) dx[i] = T(0);
  for_each_in_window(g, [&](std::int64_t xi, std::int64_t yi, std::int64_t) { dx[xi] += dy[yi] / area; });
}

}  // namespace bitgrain::kernels::reference
