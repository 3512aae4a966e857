#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "bitgrain/tensor/geometry.hpp"

namespace bitgrain::kernels::reference {

/// Calls `visit(x_index, w_index, y_index)` for every multiply-accumulate of the convolution that does not fall on
/// padding: the one loop nest that the three directions below share.
template <class Visit>
void for_each_mac(const ConvGeometry& g, Visit visit) {
  const Window2d& w = g.window;
  for (std::int64_t n = 0; n < g.batch; ++n)
    for (std::int64_t oh = 0; oh < g.out_h(); ++oh)
      for (std::int64_t ow = 0; ow < g.out_w(); ++ow)
        for (std::int64_t o = 0; o < g.out_channels; ++o)
          for (std::int64_t kh = 0; kh < w.kernel_h; ++kh)
            for (std::int64_t kw = 0; kw < w.kernel_w; ++kw) {
              const std::int64_t ih = oh * w.stride_h - w.pad_h + kh * w.dilation_h;
              const std::int64_t iw = ow * w.stride_w - w.pad_w + kw * w.dilation_w;
              if (ih < 0 || ih >= g.in_h || iw < 0 || iw >= g.in_w) continue;
              const std::int64_t first = o / g.group_out() * g.group_in();  // the group's first input channel
              const std::int64_t x = ((n * g.in_h + ih) * g.in_w + iw) * g.in_channels + first;
              const std::int64_t f = ((o * w.kernel_h + kh) * w.kernel_w + kw) * g.group_in();
              const std::int64_t y = ((n * g.out_h() + oh) * g.out_w() + ow) * g.out_channels + o;
              for (std::int64_t c = 0; c < g.group_in(); ++c) visit(x + c, f + c, y);
            }
}

/// The readable oracle of kernels::conv2d_forward, sums in double.
template <class T>
void conv2d_forward(const ConvGeometry& g, const T* x, const T* w, std::type_identity_t<const T*> bias, T* y) {
  g.validate();
  std::vector<double> sum(static_cast<std::size_t>(g.output_size()));
  for (std::size_t i = 0; i < sum.size(); ++i)
    sum[i] = bias ? double{bias[i % static_cast<std::size_t>(g.out_channels)]} : 0.0;
  for_each_mac(g, [&](std::int64_t xi, std::int64_t wi, std::int64_t yi) {
    sum[static_cast<std::size_t>(yi)] += double{x[xi]} * double{w[wi]};
  });
  std::transform(sum.begin(), sum.end(), y, [](double v) { return static_cast<T>(v); });
}

/// The readable oracle of kernels::conv2d_backward_data, sums in double.
template <class T>
void conv2d_backward_data(const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  g.validate();
  std::vector<double> sum(static_cast<std::size_t>(g.input_size()));
  for_each_mac(g, [&](std::int64_t xi, std::int64_t wi, std::int64_t yi) {
    sum[static_cast<std::size_t>(xi)] += double{dy[yi]} * double{w[wi]};
  });
  std::transform(sum.begin(), sum.end(), dx, [](double v) { return static_cast<T>(v); });
}

/// The readable oracle of kernels::conv2d_backward_weights, sums in double.
template <class T>
void conv2d_backward_weights(const ConvGeometry& g, const T* x, const T* dy, T* dw, std::type_identity_t<T*> dbias) {
  g.validate();
  std::vector<double> sum(static_cast<std::size_t>(g.weight_size()));
  for_each_mac(g, [&](std::int64_t xi, std::int64_t wi, std::int64_t yi) {
    sum[static_cast<std::size_t>(wi)] += double{x[xi]} * double{dy[yi]};
  });
  std::transform(sum.begin(), sum.end(), dw, [](double v) { return static_cast<T>(v); });
  for (std::int64_t o = 0; dbias != nullptr && o < g.out_channels; ++o) {
    double total = 0;
    for (std::int64_t i = o; i < g.output_size(); i += g.out_channels) total += double{dy[i]};
    dbias[o] = static_cast<T>(total);
  }
}

}  // namespace bitgrain::kernels::reference
