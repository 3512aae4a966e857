#pragma once

/// Depthwise int8 convolution: one input channel per group, the loops run along the channels.
///
/// Where there are instructions for it (depthwise_lanes.hpp) and 32 channels, the usual kernels go by columns
/// (depthwise_columns.hpp). Of others a row of output pixels is made at a time: first the addresses of all taps,
/// those outside the image pointing to padding, then for each 32 channels all pixels. A quad of four pixels serves
/// two outputs if neighbours share it (stride 1, three taps at most). Elsewhere plain loops read a framed copy of the
/// image.

#include <algorithm>
#include <cstdint>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/kernels/int8/depthwise_columns.hpp"
#include "bitgrain/kernels/int8/depthwise_lanes.hpp"
#include "bitgrain/kernels/int8/packed_conv2d.hpp"
#include "bitgrain/kernels/int8/pixel_unit.hpp"
#include "bitgrain/kernels/int8/requantize.hpp"

namespace bitgrain::kernels::detail {

// to[o] += from[o / multiple] * w[o], modulo 2^32.
inline void add_tap(std::int64_t out, std::int64_t multiple, const std::uint8_t* __restrict from,
                    const std::int8_t* __restrict w, std::int32_t* __restrict to) {
  const auto add = [](std::int32_t sum, int product) {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) + static_cast<std::uint32_t>(product));
  };
  if (multiple == 1)
    for (std::int64_t o = 0; o < out; ++o) to[o] = add(to[o], from[o] * w[o]);
  else
    for (std::int64_t o = 0; o < out; ++o) to[o] = add(to[o], from[o / multiple] * w[o]);
}

/// Sums of the pixels of a unit to acc [pixels][O].
inline void depthwise_sums(const PackedConv2d& conv, const InputView& view, const std::uint8_t* x,
                           const PixelUnit& unit, std::int32_t* acc) {
  const Window2d& win = conv.geometry.window;
  const std::int64_t out = conv.geometry.out_channels, multiple = conv.geometry.group_out();
  for (std::int64_t p = 0; p < unit.pixels; ++p) {
    std::int32_t* to = acc + unit.output[p] * out;
    std::copy_n(conv.start.data(), out, to);
    const std::int8_t* w = conv.weights.data();
    for (std::int64_t ky = 0; ky < win.kernel_h; ++ky)
      for (std::int64_t kx = 0; kx < win.kernel_w; ++kx, w += out)
        add_tap(out, multiple,
                x + unit.input[p] + ky * win.dilation_h * view.row_bytes + kx * win.dilation_w * view.pixel_bytes, w,
                to);
  }
}

#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)

// Where the taps of a depthwise convolution lie, a row of output pixels after the other. A step makes one pixel, or
// two neighbours where a quad of pixels holds the taps of both (stride 1, three taps at most).
class DepthwiseTaps {
 public:
  static constexpr std::int64_t kMaxRows = 16, kMaxTaps = 16;
  static bool fit(const ConvGeometry& g) { return g.window.kernel_h <= kMaxRows && g.window.kernel_w <= kMaxTaps; }

  explicit DepthwiseTaps(const PackedConv2d& conv)
      : g_(conv.geometry),
        outs_(g_.window.stride_w == 1 && g_.window.dilation_w == 1 && g_.window.kernel_w <= 3 ? 2 : 1),
        last_(g_.window.kernel_w - 1 + (outs_ - 1)),
        taps_((g_.window.kernel_w + 3) / 4 * 4),
        padding_bytes_(static_cast<std::size_t>((last_ * g_.window.dilation_w + 1) * g_.in_channels)),
        padding_(padding_bytes_),
        gathered_(static_cast<std::size_t>(g_.window.kernel_h * taps_ * kDepthwiseLanes)) {
    if (padding_.data() != nullptr) std::fill_n(padding_.data(), padding_bytes_, conv.padding);
    // Beyond the last tap there are zero weights: the last one is read again.
    for (std::int64_t i = 0; i < taps_; ++i) offset_[i] = std::min(i, last_) * g_.window.dilation_w * g_.in_channels;
  }

  std::int64_t outs() const { return outs_; }
  std::int64_t steps() const { return (g_.out_w() + outs_ - 1) / outs_; }
  std::int64_t rows() const { return g_.window.kernel_h; }
  std::int64_t taps() const { return taps_; }
  /// Room for what `gather` copies.
  std::uint8_t* gathered() const { return gathered_.data(); }
  /// Distance of every tap of a row from the first, in bytes, for steps inside the image.
  const std::int64_t* offset() const { return offset_; }

  /// Goes to row oy of the image at x.
  void go_to(const std::uint8_t* x, std::int64_t oy) {
    const Window2d& win = g_.window;
    for (std::int64_t ky = 0; ky < win.kernel_h; ++ky) {
      const std::int64_t y = oy * win.stride_h - win.pad_h + ky * win.dilation_h;
      row_[ky] = y < 0 || y >= g_.in_h ? nullptr : x + y * g_.in_w * g_.in_channels;
    }
  }
  /// The first tap of every row of a step, for channels from `channel` on, if all lie in columns of the image.
  bool point(std::int64_t step, std::int64_t channel, const std::uint8_t** first) const {
    const std::int64_t left = step * outs_ * g_.window.stride_w - g_.window.pad_w;
    if (left < 0 || left + last_ * g_.window.dilation_w >= g_.in_w) return false;
    const std::int64_t at = left * g_.in_channels;
    for (std::int64_t ky = 0; ky < g_.window.kernel_h; ++ky)
      first[ky] = (row_[ky] == nullptr ? padding_.data() : row_[ky] + at) + channel;
    return true;
  }
  /// Copies 32 channels of all taps of a step to [rows][taps][32], padding where there is no image.
  void gather(std::int64_t step, std::int64_t channel, std::uint8_t* to) const {
    const std::int64_t left = step * outs_ * g_.window.stride_w - g_.window.pad_w;
    for (std::int64_t ky = 0; ky < g_.window.kernel_h; ++ky)
      for (std::int64_t i = 0; i < taps_; ++i, to += kDepthwiseLanes) {
        const std::int64_t x = left + std::min(i, last_) * g_.window.dilation_w;
        const bool inside = row_[ky] != nullptr && x >= 0 && x < g_.in_w;
        std::copy_n((inside ? row_[ky] + x * g_.in_channels : padding_.data()) + channel, kDepthwiseLanes, to);
      }
  }

 private:
  ConvGeometry g_;
  std::int64_t outs_, last_, taps_;
  std::size_t padding_bytes_;
  Scratch<std::uint8_t> padding_, gathered_;
  std::int64_t offset_[kMaxTaps];
  const std::uint8_t* row_[kMaxRows];  // null: outside
};

// Adds all taps of a step to the sums of `Outs` pixels.
template <int Outs>
[[gnu::always_inline]] inline void add_taps(const std::uint8_t* const* first, const std::int64_t* offset,
                                            std::int64_t rows, std::int64_t taps, const std::int8_t* w,
                                            DepthwiseLanes (&sums)[Outs]) {
  constexpr std::int64_t kQuadBytes = kDepthwiseLanes * kDotQuad;
  for (std::int64_t ky = 0; ky < rows; ++ky)
#pragma GCC unroll 1
    for (std::int64_t i = 0; i < taps; i += 4, w += 2 * kQuadBytes) {
      const std::uint8_t* from = first[ky];
      const auto x =
          DepthwiseLanes::quads(from + offset[i], from + offset[i + 1], from + offset[i + 2], from + offset[i + 3]);
#pragma GCC unroll 2
      for (int o = 0; o < Outs; ++o) sums[o].add(x, w + o * kQuadBytes);
    }
}

// A band of rows [first, end) of the image at x for 32 channels from `channel` on: codes [Ho,Wo,C] of the image.
template <int Outs>
void depthwise_band(const PackedConv2d& conv, DepthwiseTaps& taps, const std::uint8_t* x, std::int64_t first,
                    std::int64_t end, const std::int8_t* weights, std::int64_t channel,
                    const Requantization& constants, std::uint8_t* codes) {
  const std::int64_t channels = conv.geometry.in_channels, out_w = conv.geometry.out_w(), steps = taps.steps();
  const std::int64_t rows = taps.rows(), row_taps = taps.taps();
  const DepthwiseLanes start(conv.start.data() + channel);
  const DepthwiseLanes::Requantize requantize(constants, channel);
  std::int64_t gathered_offset[DepthwiseTaps::kMaxTaps], inside_offset[DepthwiseTaps::kMaxTaps];
  for (std::int64_t i = 0; i < row_taps; ++i) {
    gathered_offset[i] = i * kDepthwiseLanes;
    inside_offset[i] = taps.offset()[i];
  }
  std::uint8_t* const gathered = taps.gathered();
  const std::uint8_t* from[DepthwiseTaps::kMaxRows];
  for (std::int64_t oy = first; oy < end; ++oy) {
    taps.go_to(x, oy);
    std::uint8_t* to = codes + oy * out_w * channels + channel;
    for (std::int64_t step = 0; step < steps; ++step, to += Outs * channels) {
      const std::int64_t* offset = inside_offset;
      if (!taps.point(step, channel, from)) {
        taps.gather(step, channel, gathered);
        for (std::int64_t ky = 0; ky < rows; ++ky) from[ky] = gathered + ky * row_taps * kDepthwiseLanes;
        offset = gathered_offset;
      }
      DepthwiseLanes sums[Outs];
#pragma GCC unroll 2
      for (int o = 0; o < Outs; ++o) sums[o] = start;
      add_taps<Outs>(from, offset, rows, row_taps, weights, sums);
      const bool both = Outs == 1 || step * Outs + 1 < out_w;
      if (both && requantize.put(sums, to, channels)) continue;
      for (int o = 0; o < (both ? Outs : 1); ++o) {
        std::int32_t sum[kDepthwiseLanes];
        sums[o].store(sum);
        for (std::int64_t c = 0; c < kDepthwiseLanes; ++c)
          to[o * channels + c] = constants.code(static_cast<std::size_t>(channel + c), sum[c]);
      }
    }
  }
}

/// A depthwise convolution with lane weights, without a residual, to codes.
template <int Outs>
void depthwise_codes(const PackedConv2d& conv, DepthwiseTaps& taps, std::int64_t batch, const std::uint8_t* x,
                     const Requantization& constants, std::uint8_t* codes) {
  const ConvGeometry& g = conv.geometry;
  const std::int64_t blocks = (g.groups + kDepthwiseLanes - 1) / kDepthwiseLanes;
  const std::int64_t block_bytes = static_cast<std::int64_t>(conv.lane_weights.size()) / blocks;
  constexpr std::int64_t kBandRows = 7;
  for (std::int64_t image = 0; image < batch; ++image)
    for (std::int64_t first = 0; first < g.out_h(); first += kBandRows)
      for (std::int64_t block = 0; block < blocks; ++block)
        depthwise_band<Outs>(conv, taps, x + image * g.in_h * g.in_w * g.in_channels, first,
                             std::min(first + kBandRows, g.out_h()), conv.lane_weights.data() + block * block_bytes,
                             std::min(block * kDepthwiseLanes, g.in_channels - kDepthwiseLanes), constants,
                             codes + image * g.out_h() * g.out_w() * g.in_channels);
}

inline void depthwise_codes(const PackedConv2d& conv, std::int64_t batch, const std::uint8_t* x,
                            const Requantization& constants, std::uint8_t* codes) {
  if (depthwise_by_columns(conv.geometry)) return depthwise_column_codes(conv, batch, x, constants, codes);
  DepthwiseTaps taps(conv);
  if (taps.outs() == 2)
    depthwise_codes<2>(conv, taps, batch, x, constants, codes);
  else
    depthwise_codes<1>(conv, taps, batch, x, constants, codes);
}

// Takes and gives back the scratch memory of depthwise_codes.
inline void take_depthwise_memory(const PackedConv2d& conv) {
  if (depthwise_by_columns(conv.geometry))
    (void)depthwise_row(conv.geometry);
  else
    (void)DepthwiseTaps(conv);
}

#endif

}  // namespace bitgrain::kernels::detail
