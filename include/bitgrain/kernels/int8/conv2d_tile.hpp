#pragma once

/// The register tile of the int8 convolution: Pixels pixels x Blocks blocks of 16 output channels, all products. Per
/// four products it takes one broadcast of four input bytes per pixel, one load of 64 weight bytes per block, and one
/// dot step for each pair. Finished sums go where they belong as they are, or are made codes, tile by tile.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "bitgrain/kernels/compiler_hints.hpp"
#include "bitgrain/kernels/int8/dot.hpp"
#include "bitgrain/kernels/int8/packed_conv2d.hpp"
#include "bitgrain/kernels/int8/pixel_unit.hpp"
#include "bitgrain/kernels/int8/requantize.hpp"
#include "bitgrain/kernels/int8/requantize_lanes.hpp"

namespace bitgrain::kernels::detail {

/// Sums to acc [pixels][stride].
struct SumsEpilogue {
  std::int32_t* acc;
  std::int64_t stride;

  /// Writes the sums of the pixels that `pixel` numbers, channels `channel` .., of which `channels` exist.
  template <class Dot, int Pixels, int Blocks>
  [[gnu::always_inline]] void store(const typename Dot::Lanes (&lanes)[Pixels][Blocks], const std::int32_t* pixel,
                                    std::int64_t channel, std::int64_t channels) const {
#pragma GCC unroll 16
    for (int p = 0; p < Pixels; ++p)
#pragma GCC unroll 16
      for (int b = 0; b < Blocks; ++b) {
        std::int32_t* to = acc + pixel[p] * stride + channel + b * kDotLanes;
        const std::int64_t count = channels - b * kDotLanes;
        if (count >= kDotLanes) {
          Dot::store(to, lanes[p][b]);
        } else {
          std::int32_t sums[kDotLanes];
          Dot::store(sums, lanes[p][b]);
          std::memcpy(to, sums, static_cast<std::size_t>(count) * sizeof *to);
        }
      }
  }
};

/// Codes, with a residual tensor if there is one.
template <bool Residual>
struct CodesEpilogue {
  static constexpr bool kResidual = Residual;
  CodesOutput output;
};

// The sums of one tile, to [Pixels][Blocks][16].
struct TileSums {
  std::int32_t* to;

  template <class Dot, int Pixels, int Blocks>
  [[gnu::always_inline]] void store(const typename Dot::Lanes (&lanes)[Pixels][Blocks], const std::int32_t*,
                                    std::int64_t, std::int64_t) const {
#pragma GCC unroll 16
    for (int p = 0; p < Pixels; ++p)
#pragma GCC unroll 16
      for (int b = 0; b < Blocks; ++b) Dot::store(to + (p * Blocks + b) * kDotLanes, lanes[p][b]);
  }
};

/// What all tiles of a class of pixels and of Blocks blocks share.
struct DotTileInput {
  const std::uint8_t* x;            ///< to which the offsets of the pixels refer
  const std::int8_t* w;             ///< of the first block
  const std::int32_t* start;        ///< first values of the accumulators of the first block
  std::int64_t rows, columns;       ///< stretches of input under a pixel
  std::int64_t quads;               ///< length of a stretch
  std::int64_t x_row, x_column;     ///< bytes from one stretch to the next
  std::int64_t w_row, block_bytes;  ///< bytes from one row of weights, one block of weights to the next
  std::int64_t channel, channels;   ///< number of the first channel, and how many there are from it on
};

/// All products of the pixels whose first taps lie at x + pixel[p]; `number` counts them for the store.
template <class Dot, int Pixels, int Blocks, class Store>
[[gnu::noinline]] void dot_tile(const DotTileInput& in, const std::int32_t* pixel, const std::int32_t* number,
                                const Store& store) {
  typename Dot::Lanes lanes[Pixels][Blocks];
#pragma GCC unroll 16
  for (int b = 0; b < Blocks; ++b) {
    const typename Dot::Lanes start = Dot::load(in.start + b * kDotLanes);
#pragma GCC unroll 16
    for (int p = 0; p < Pixels; ++p) lanes[p][b] = start;
  }
  const std::int64_t block_bytes = in.block_bytes;
  const std::uint8_t* from[Pixels];
#pragma GCC unroll 16
  for (int p = 0; p < Pixels; ++p) from[p] = in.x + pixel[p];
  const std::int8_t* w_row = in.w;
  for (std::int64_t y = 0; y < in.rows; ++y, w_row += in.w_row) {
    const std::int8_t* w = w_row;
    for (std::int64_t c = 0; c < in.columns; ++c) {
      std::int64_t at = y * in.x_row + c * in.x_column;
      const std::int64_t end = at + in.quads * kDotQuad;
      for (; at < end; at += kDotQuad, w += kDotLanes * kDotQuad) {
        typename Dot::Block block[Blocks];
#pragma GCC unroll 16
        for (int b = 0; b < Blocks; ++b) block[b] = Dot::block(w + b * block_bytes);
#pragma GCC unroll 16
        for (int p = 0; p < Pixels; ++p) {
          const typename Dot::Quad quad = Dot::quad(from[p] + at);
#pragma GCC unroll 16
          for (int b = 0; b < Blocks; ++b) Dot::dot(lanes[p][b], quad, block[b]);
        }
      }
    }
  }
  store.template store<Dot, Pixels, Blocks>(lanes, number, in.channel, in.channels);
}

/// One step of a short window: its weights, and where its four bytes lie from a pixel's first tap.
struct DotTap {
  const std::int8_t* w;
  std::int64_t x;
};

/// The longest window, in steps, that is made by strips.
inline constexpr std::int64_t kStripTaps = 144;

/// Codes of pixels with a short window: tiles small enough to leave room in the registers for the constants of the
/// requantization, which takes as long as the products. Writes some codes twice if they are no whole tiles.
///
/// Products and requantizations overlap as far as the processor sees ahead. GCC likes to keep addresses in vector
/// registers; fetching them there would wait in line behind the products, so what the products do not need is hidden
/// in memory (forget_address, keep_in_memory).
template <class Dot, int Pixels, int Blocks, bool Residual>
[[gnu::noinline]] void dot_strip(const DotTileInput& in, const std::int32_t* pixel, const std::int32_t* number,
                                 std::int64_t pixels, const CodesOutput& output) {
  DotTap taps[kStripTaps + 1];
  DotTap* tap = taps;
  for (std::int64_t y = 0; y < in.rows; ++y)
    for (std::int64_t c = 0; c < in.columns; ++c)
      for (std::int64_t q = 0; q < in.quads; ++q)
        *tap++ = {in.w + y * in.w_row + (c * in.quads + q) * kDotLanes * kDotQuad,
                  y * in.x_row + c * in.x_column + q * kDotQuad};
  tap->w = nullptr;
  const RequantizeTile<Dot, Blocks, Residual> requantize(output, in.channel, in.channels);
  std::int32_t last_pixel[Pixels], last_number[Pixels];
  struct {
    const DotTileInput* in;
    const std::int32_t *pixel, *number;
    std::int64_t left;
  } at{&in, pixel, number, pixels};
  for (; at.left > 0; at.left -= Pixels, at.pixel += Pixels, at.number += Pixels) {
    if (at.left < Pixels) [[unlikely]] {
      for (int p = 0; p < Pixels; ++p) {
        const std::int64_t from = std::min<std::int64_t>(p, at.left - 1);
        last_pixel[p] = at.pixel[from];
        last_number[p] = at.number[from];
      }
      at.pixel = last_pixel;
      at.number = last_number;
    }
    typename Dot::Lanes lanes[Pixels][Blocks];
    const std::uint8_t* from[Pixels];
#pragma GCC unroll 16
    for (int p = 0; p < Pixels; ++p) {
      from[p] = at.in->x + at.pixel[p];
      forget_address(from[p]);
#pragma GCC unroll 2
      for (int b = 0; b < Blocks; ++b) lanes[p][b] = Dot::load(at.in->start + b * kDotLanes);
    }
    const std::int64_t block_bytes = at.in->block_bytes;
    keep_in_memory(at);
    for (const DotTap* t = taps; t->w != nullptr; ++t) {
      const std::int64_t x = t->x;
      typename Dot::Block block[Blocks];
#pragma GCC unroll 2
      for (int b = 0; b < Blocks; ++b) block[b] = Dot::block(t->w + b * block_bytes);
#pragma GCC unroll 16
      for (int p = 0; p < Pixels; ++p) {
        const typename Dot::Quad quad = Dot::quad(from[p] + x);
#pragma GCC unroll 2
        for (int b = 0; b < Blocks; ++b) Dot::dot(lanes[p][b], quad, block[b]);
      }
    }
    keep_in_memory(at);
    const auto* constants = &requantize;
    forget_address(constants);
    const RequantizeTile<Dot, Blocks, Residual> tile = *constants;
    tile.template put<Pixels>(lanes, at.number);
  }
}

/// The sums of any number of pixels: whole tiles, then smaller ones.
template <class Dot, int Blocks, int Pixels = Dot::pixels(Blocks)>
void dot_tiles(const DotTileInput& in, const std::int32_t* pixel, const std::int32_t* number, std::int64_t pixels,
               const SumsEpilogue& epilogue) {
  std::int64_t p = 0;
  for (; p + Pixels <= pixels; p += Pixels) dot_tile<Dot, Pixels, Blocks>(in, pixel + p, number + p, epilogue);
  if constexpr (Pixels > 1) {
    constexpr int kSmaller = Pixels > 8 ? 8 : Pixels > 4 ? 4 : Pixels > 2 ? 2 : 1;
    if (p < pixels) dot_tiles<Dot, Blocks, kSmaller>(in, pixel + p, number + p, pixels - p, epilogue);
  }
}

// The same, requantized tile by tile while the next one is under way.
template <class Dot, int Blocks, bool Residual, int Pixels = Dot::pixels(Blocks)>
void code_tiles(const DotTileInput& in, const std::int32_t* pixel, const std::int32_t* number, std::int64_t pixels,
                const RequantizeTile<Dot, Blocks, Residual>& requantize) {
  std::int64_t p = 0;
  for (; p + Pixels <= pixels; p += Pixels) {
    alignas(64) std::int32_t sums[Pixels * Blocks * kDotLanes];
    dot_tile<Dot, Pixels, Blocks>(in, pixel + p, number + p, TileSums{sums});
    requantize.put(sums, number + p, Pixels);
  }
  if constexpr (Pixels > 1) {
    constexpr int kSmaller = Pixels > 8 ? 8 : Pixels > 4 ? 4 : Pixels > 2 ? 2 : 1;
    if (p < pixels) code_tiles<Dot, Blocks, Residual, kSmaller>(in, pixel + p, number + p, pixels - p, requantize);
  }
}

template <class Dot, int Blocks, bool Residual>
void dot_tiles(const DotTileInput& in, const std::int32_t* pixel, const std::int32_t* number, std::int64_t pixels,
               const CodesEpilogue<Residual>& epilogue) {
  // Of two blocks a larger tile is better, but for the start of its many short stretches.
  if constexpr (Dot::strip_pixels(Blocks) > 0)
    if (in.rows * in.columns * in.quads <= kStripTaps && (Blocks == 1 || in.quads <= 6))
      return dot_strip<Dot, Dot::strip_pixels(Blocks), Blocks, Residual>(in, pixel, number, pixels, epilogue.output);
  code_tiles(in, pixel, number, pixels,
             RequantizeTile<Dot, Blocks, Residual>(epilogue.output, in.channel, in.channels));
}

}  // namespace bitgrain::kernels::detail
