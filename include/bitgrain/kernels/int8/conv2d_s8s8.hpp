#pragma once

/// Convolution of signed bytes with signed bytes, exact, on the kernels of unsigned ones: x is read as x + 128 (a
/// flip of its highest bit), and the sums start at -128 times the sums of the weights. Both wrap modulo 2^32, so a
/// sum that fits int32 is exact, and every sum of at most 131071 products does: 128 * 128 * 131071 < 2^31.
///
/// The engine keeps signed codes at +128 in memory and needs no pass for it; this is for whoever holds int8.

#include <algorithm>
#include <cstdint>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/kernels/int8/conv2d.hpp"

namespace bitgrain::kernels {

/// Packs w [O,Kh,Kw,I/groups] for conv2d_s8s8, with `padding` outside the image.
inline PackedConv2d pack_conv2d_s8s8(const ConvGeometry& geometry, const std::int8_t* w, std::int8_t padding = 0) {
  return pack_conv2d(geometry, w, 128, static_cast<std::uint8_t>(padding + 128));
}

/// Convolves `batch` images x [N,H,W,I] into acc [N,Ho,Wo,O], images in parallel; `conv` from pack_conv2d_s8s8.
template <class Dot = BestDot>
void conv2d_s8s8(const PackedConv2d& conv, std::int64_t batch, const std::int8_t* x, std::int32_t* acc) {
  const ConvGeometry& g = conv.geometry;
  const std::int64_t image_in = g.in_h * g.in_w * g.in_channels;
  const std::int64_t image_out = g.out_h() * g.out_w() * g.out_channels;
  // Images that are flipped together stay in a second-level cache.
  constexpr std::int64_t kBlockBytes = 128 << 10;
  const std::int64_t block = std::max<std::int64_t>(1, kBlockBytes / image_in);
  // About a million multiply-accumulates per chunk: well above the cost of handing it to a thread.
  const std::int64_t image_macs = image_out * g.window.kernel_h * g.window.kernel_w * g.group_in();
  parallel_for(batch, std::max<std::int64_t>(1, (std::int64_t{1} << 20) / image_macs),
               [&](std::int64_t begin, std::int64_t end) {
                 Scratch<std::uint8_t> flipped(static_cast<std::size_t>(std::min(block, end - begin) * image_in));
                 for (std::int64_t first = begin; first < end; first += block) {
                   const std::int64_t images = std::min(block, end - first);
                   const std::int8_t* from = x + first * image_in;
                   for (std::int64_t i = 0; i < images * image_in; ++i)
                     flipped[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(from[i] ^ -128);
                   std::int32_t* to = acc + first * image_out;
                   conv2d_u8s8_bands<Dot>(conv, images, flipped.data(),
                                          [&](std::int64_t pixel, std::int64_t count, const std::int32_t* band) {
                                            std::copy_n(band, count * g.out_channels, to + pixel * g.out_channels);
                                          });
                 }
               });
}

}  // namespace bitgrain::kernels
