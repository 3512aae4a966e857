#pragma once

/// An int8 convolution whose result are the accumulators, in memory: the tiles write them where they belong, in units
/// as large as those that are requantized in registers. Bands (conv2d.hpp), which hand accumulators to a sink while
/// they are in cache, are small and must be copied: where there are hundreds of channels, half as fast.

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "bitgrain/kernels/int8/conv2d.hpp"

namespace bitgrain::kernels {

/// Images of a chunk of a parallel loop: about a million multiply-accumulates, well above the cost of handing it to a
/// thread, and at least 64 pixels, so that weights are used again while they are in cache.
inline std::int64_t images_of_chunk(const ConvGeometry& g) {
  const std::int64_t pixels = g.out_h() * g.out_w();
  const std::int64_t macs = pixels * g.out_channels * g.window.kernel_h * g.window.kernel_w * g.group_in();
  return std::max<std::int64_t>({1, (std::int64_t{1} << 20) / macs, 64 / pixels});
}

/// Convolves `batch` images x [N,H,W,I] on the calling thread into acc [N,Ho,Wo,O]. By bands where they are depthwise
/// or chosen at run time.
template <class Dot = BestDot>
void conv2d_u8s8_sums(const PackedConv2d& conv, std::int64_t batch, const std::uint8_t* x, std::int32_t* acc) {
  const ConvGeometry& g = conv.geometry;
  if (conv.depthwise || (kDispatch && std::is_same_v<Dot, BestDot>)) {
    conv2d_u8s8_bands<Dot>(conv, batch, x, [&](std::int64_t first, std::int64_t count, const std::int32_t* band) {
      std::copy_n(band, count * g.out_channels, acc + first * g.out_channels);
    });
    return;
  }
  detail::for_each_unit(conv, batch, x, detail::code_units(conv),
                        [&](std::int64_t first, std::int64_t, const std::uint8_t* from, const detail::InputView& view,
                            std::int64_t group_bytes, const detail::PixelUnit& unit) {
                          detail::dense_unit<Dot>(conv, from, view, group_bytes, unit,
                                                  detail::SumsEpilogue{acc + first * g.out_channels, g.out_channels});
                        });
}

}  // namespace bitgrain::kernels
