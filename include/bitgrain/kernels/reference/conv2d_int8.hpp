#pragma once

/// The readable oracle of kernels/int8/conv2d.hpp.

#include <cstdint>

#include "bitgrain/tensor/geometry.hpp"

namespace bitgrain::kernels::reference {

/// acc[n,oy,ox,o] = sum over the window of (x - input_offset) * w, where `padding` is the byte that stands outside
/// the image. x [N,H,W,I] bytes, signed or not, w [O,Kh,Kw,I/groups] signed bytes, acc [N,Ho,Wo,O].
template <class X>
void conv2d_int8(const ConvGeometry& g, const X* x, X padding, const std::int8_t* w, std::int32_t input_offset,
                 std::int32_t* acc) {
  const Window2d& win = g.window;
  for (std::int64_t n = 0; n < g.batch; ++n)
    for (std::int64_t oy = 0; oy < g.out_h(); ++oy)
      for (std::int64_t ox = 0; ox < g.out_w(); ++ox)
        for (std::int64_t o = 0; o < g.out_channels; ++o) {
          const std::int64_t first_channel = o / g.group_out() * g.group_in();
          const std::int8_t* weight = w + o * win.kernel_h * win.kernel_w * g.group_in();
          std::int64_t sum = 0;
          for (std::int64_t ky = 0; ky < win.kernel_h; ++ky)
            for (std::int64_t kx = 0; kx < win.kernel_w; ++kx) {
              const std::int64_t y = oy * win.stride_h - win.pad_h + ky * win.dilation_h;
              const std::int64_t xx = ox * win.stride_w - win.pad_w + kx * win.dilation_w;
              const bool inside = y >= 0 && y < g.in_h && xx >= 0 && xx < g.in_w;
              const std::int64_t at = ((n * g.in_h + y) * g.in_w + xx) * g.in_channels + first_channel;
              for (std::int64_t i = 0; i < g.group_in(); ++i)
                sum += ((inside ? x[at + i] : padding) - input_offset) * *weight++;
            }
          *acc++ = static_cast<std::int32_t>(sum);
        }
}

inline void conv2d_u8s8(const ConvGeometry& g, const std::uint8_t* x, std::uint8_t padding, const std::int8_t* w,
                        std::int32_t input_offset, std::int32_t* acc) {
  conv2d_int8(g, x, padding, w, input_offset, acc);
}
inline void conv2d_s8s8(const ConvGeometry& g, const std::int8_t* x, std::int8_t padding, const std::int8_t* w,
                        std::int32_t* acc) {
  conv2d_int8(g, x, padding, w, 0, acc);
}

}  // namespace bitgrain::kernels::reference
