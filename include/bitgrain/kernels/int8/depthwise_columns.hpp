#pragma once

/// Depthwise int8 convolution with three columns of at most three taps, stride 1 or 2: the usual one.
///
/// Four rows of a column of the image, 32 channels, make a quad. It serves the three pixels of a row that see the
/// column and, with stride 1, two rows of them, so it is made once and kept in registers while the kernel walks along
/// the rows: per column and two rows of outputs 8 instructions to bring the bytes together and 24 to multiply.

#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)

#include <algorithm>
#include <cstdint>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/kernels/int8/depthwise_lanes.hpp"
#include "bitgrain/kernels/int8/packed_conv2d.hpp"
#include "bitgrain/kernels/int8/requantize.hpp"

namespace bitgrain::kernels::detail {

// What a walk along the rows of one block of 32 channels needs.
struct DepthwiseWalk {
  const Requantization& constants;
  const DepthwiseLanes::Requantize& requantize;
  DepthwiseLanes start;
  const std::int8_t* weights;  // [3 columns][2][4 vectors][8 channels][4 taps]
  std::uint8_t padding;
  std::int64_t channel, channels;  // the first of 32, and how many a pixel has
  std::int64_t in_w, pad_w, out_w;
};

// Codes of `Outs` rows of pixels at `to` and `row` bytes further, from the input rows x[4].
template <int Outs, int Stride>
void depthwise_walk(const DepthwiseWalk& walk, const std::uint8_t* const (&x)[4], std::uint8_t* to,
                    std::int64_t row) {
  constexpr std::int64_t kQuadBytes = kDepthwiseLanes * kDotQuad;
  using Quads = DepthwiseLanes::Quads;
  const std::uint8_t *x0 = x[0], *x1 = x[1], *x2 = x[2], *x3 = x[3];
  const std::int64_t channels = walk.channels;
  const std::int8_t* w = walk.weights;
  const auto column = [&](std::int64_t i) __attribute__((always_inline)) {
    if (static_cast<std::uint64_t>(i) >= static_cast<std::uint64_t>(walk.in_w))
      return DepthwiseLanes::quads(walk.padding);
    const std::int64_t at = i * channels;
    return DepthwiseLanes::quads(x0 + at, x1 + at, x2 + at, x3 + at);
  };
  const auto pixels = [&](const Quads& a, const Quads& b, const Quads& c) __attribute__((always_inline)) {
    DepthwiseLanes sums[Outs];
#pragma GCC unroll 2
    for (int o = 0; o < Outs; ++o) {
      sums[o] = walk.start;
      sums[o].add(a, w + o * kQuadBytes);
      sums[o].add(b, w + (2 + o) * kQuadBytes);
      sums[o].add(c, w + (4 + o) * kQuadBytes);
    }
    if (!walk.requantize.put(sums, to, row)) [[unlikely]]
      for (int o = 0; o < Outs; ++o) {
        std::int32_t sum[kDepthwiseLanes];
        sums[o].store(sum);
        for (std::int64_t l = 0; l < kDepthwiseLanes; ++l)
          to[o * row + l] = walk.constants.code(static_cast<std::size_t>(walk.channel + l), sum[l]);
      }
    to += channels;
  };
  std::int64_t i = -walk.pad_w, left = walk.out_w;
  if constexpr (Stride == 1) {
    Quads a = column(i), b = column(i + 1), c;
    for (;; i += 3) {
      c = column(i + 2);
      pixels(a, b, c);
      if (--left == 0) return;
      a = column(i + 3);
      pixels(b, c, a);
      if (--left == 0) return;
      b = column(i + 4);
      pixels(c, a, b);
      if (--left == 0) return;
    }
  } else {
    Quads a = column(i), b, c;
    for (;; i += 4) {
      b = column(i + 1);
      c = column(i + 2);
      pixels(a, b, c);
      if (--left == 0) return;
      b = column(i + 3);
      a = column(i + 4);
      pixels(c, b, a);
      if (--left == 0) return;
    }
  }
}

// Room for a row of padding.
inline Scratch<std::uint8_t> depthwise_row(const ConvGeometry& g) {
  return Scratch<std::uint8_t>(static_cast<std::size_t>(g.in_w * g.in_channels));
}

/// A convolution that goes by columns (depthwise_by_columns), without a residual, to codes.
template <int Outs, int Stride>
void depthwise_column_codes(const PackedConv2d& conv, std::int64_t batch, const std::uint8_t* x,
                            const Requantization& constants, std::uint8_t* codes) {
  const ConvGeometry& g = conv.geometry;
  const std::int64_t channels = g.in_channels, in_row = g.in_w * channels, out_row = g.out_w() * channels;
  const std::int64_t blocks = (channels + kDepthwiseLanes - 1) / kDepthwiseLanes;
  const std::int64_t block_bytes = static_cast<std::int64_t>(conv.lane_weights.size()) / blocks;
  // In a band the input of 32 channels, whole cache lines, stays in a first-level cache for the next 32.
  constexpr std::int64_t kBandRows = 8;
  const Scratch<std::uint8_t> outside = depthwise_row(g);
  std::fill_n(outside.data(), in_row, conv.padding);
  for (std::int64_t image = 0; image < batch; ++image, x += g.in_h * in_row, codes += g.out_h() * out_row)
    for (std::int64_t band = 0; band < g.out_h(); band += kBandRows)
      for (std::int64_t block = 0; block < blocks; ++block) {
        const std::int64_t channel = std::min(block * kDepthwiseLanes, channels - kDepthwiseLanes);
        const DepthwiseLanes::Requantize requantize(constants, channel);
        const DepthwiseWalk walk{constants,
                                 requantize,
                                 DepthwiseLanes(conv.start.data() + channel),
                                 conv.lane_weights.data() + block * block_bytes,
                                 conv.padding,
                                 channel,
                                 channels,
                                 g.in_w,
                                 g.window.pad_w,
                                 g.out_w()};
        for (std::int64_t next = band; next < std::min(band + kBandRows, g.out_h()); next += Outs) {
          // The last of an odd number of rows is made with the one before it.
          const std::int64_t oy = std::min(next, g.out_h() - Outs);
          const std::uint8_t* rows[4];
          for (std::int64_t r = 0; r < 4; ++r) {
            const std::int64_t y = oy * Stride - g.window.pad_h + r;
            rows[r] = (y >= 0 && y < g.in_h ? x + y * in_row : outside.data()) + channel;
          }
          depthwise_walk<Outs, Stride>(walk, rows, codes + oy * out_row + channel, out_row);
        }
      }
}

inline void depthwise_column_codes(const PackedConv2d& conv, std::int64_t batch, const std::uint8_t* x,
                                   const Requantization& constants, std::uint8_t* codes) {
  if (conv.geometry.window.stride_h == 2)
    depthwise_column_codes<1, 2>(conv, batch, x, constants, codes);
  else if (conv.geometry.out_h() > 1)
    depthwise_column_codes<2, 1>(conv, batch, x, constants, codes);
  else
    depthwise_column_codes<1, 1>(conv, batch, x, constants, codes);
}

}  // namespace bitgrain::kernels::detail

#endif
