#pragma once

/// Convolution of signed bytes with signed bytes, exact, on the kernels of unsigned ones: x is read as x + 128 (a
/// flip of its highest bit), and the sums start at -128 times the sums of the weights. Both wrap modulo 2^32, so a
/// sum that fits int32 is exact, and every sum of at most 131071 products does: 128 * 128 * 131071 < 2^31.
///
/// The engine keeps signed codes at +128 in memory and needs no pass for it; this is for whoever holds int8.

#include <algorithm>
#include <cstdint>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/int8/conv2d_sums.hpp"

namespace bitgrain::kernels {

namespace detail {
// x + 128, as unsigned bytes. (A loop over plain pointers: the compiler makes vectors of it.)
inline void flip_signs(const std::int8_t* x, std::int64_t count, std::uint8_t* flipped) {
  for (std::int64_t i = 0; i < count; ++i) flipped[i] = static_cast<std::uint8_t>(x[i] ^ -128);
}
}  // namespace detail

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
  parallel_for(batch, images_of_chunk(g), [&](std::int64_t begin, std::int64_t end) {
    Scratch<std::uint8_t> flipped(static_cast<std::size_t>(std::min(block, end - begin) * image_in));
    for (std::int64_t first = begin; first < end; first += block) {
      const std::int64_t images = std::min(block, end - first);
      detail::flip_signs(x + first * image_in, images * image_in, flipped.data());
      conv2d_u8s8_sums<Dot>(conv, images, flipped.data(), acc + first * image_out);
    }
  });
}

}  // namespace bitgrain::kernels
