#pragma once

/// Winograd's convolution F(4x4, 3x3), forward and backward with respect to the input; for the mathematics and the
/// error bound see winograd_transform.hpp, for the gradient with respect to the weights winograd_weights.hpp.
///
/// A block of tiles at a time: transform the inputs, multiply 36 matrices [tiles, in] by [in, out], transform back. A
/// block is small enough for its matrices to stay in the second-level cache, or, with many channels, large enough to
/// pay for reading the 36 matrices of weights again.

#include <algorithm>
#include <cstdint>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/winograd_product.hpp"
#include "bitgrain/kernels/f32/winograd_tiles.hpp"
#include "bitgrain/kernels/f32/winograd_transform.hpp"
#include "bitgrain/tensor/geometry.hpp"

namespace bitgrain::kernels {

/// Whether Winograd's convolution can compute this one: 3x3, stride 1, no dilation, one group.
inline bool winograd_applies(const ConvGeometry& g) {
  const Window2d& w = g.window;
  return g.groups == 1 && w.kernel_h == 3 && w.kernel_w == 3 && w.stride_h == 1 && w.stride_w == 1 &&
         w.dilation_h == 1 && w.dilation_w == 1 && w.pad_h <= 2 && w.pad_w <= 2;
}

/// Whether it is faster than the direct kernels, by a count of work: a direct sum takes 9 multiplications per output
/// pixel and channel pair, Winograd's 36 per tile. Transforms cost as much again per tile when there are few
/// channels, and those of the filters about as much as 70 tiles. Where both take about as long, the direct sum is
/// preferred.
inline bool winograd_wins(const ConvGeometry& g) {
  if (!winograd_applies(g)) return false;
  const std::int64_t pixels = g.batch * g.out_h() * g.out_w(), in = g.in_channels, out = g.out_channels;
  const std::int64_t tiles = WinogradTiles(g.batch, g.out_h(), g.out_w()).count();
  return 2 * in * out >= 17 * (in + out) && 9 * pixels > 40 * tiles + 2500;
}

namespace detail {

// G w G^T for all filters, as 36 x (vectors of `out`) panels [in][lanes]. element(o, tap) points to the weight of
// output channel o, input channel 0; input channels are `in_step` apart, output channels `out_step`.
template <class Arch>
class WinogradFilters {
 public:
  WinogradFilters(std::int64_t in, std::int64_t out, const float* w, std::int64_t in_step, std::int64_t out_step,
                  std::int64_t tap_step, bool turned)
      : in_(in),
        panels_((out + kL - 1) / kL),
        buffer_(static_cast<std::size_t>(kWinogradPoints * panels_ * in * kL)) {
    parallel_for(panels_, std::max<std::int64_t>(1, 512 / in), [&](std::int64_t panel, std::int64_t last) {
      Scratch<float> lines(static_cast<std::size_t>(9 * kBlock * kL));
      for (; panel < last; ++panel) {
        const std::int64_t first = panel * kL, count = std::min(kL, out - first);
        for (std::int64_t c = 0; c < in; c += kBlock) {
          const std::int64_t channels = std::min(kBlock, in - c);
          gather(w + c * in_step + first * out_step, channels, count, in_step, out_step, tap_step, lines.data());
          for (std::int64_t k = 0; k < channels; ++k)
            transform_tile<V, 3, kWinogradIn>(
                [](const V(&g)[3], V(&t)[kWinogradIn]) { winograd_filter(g, t); },
                [&](int i, int j) {
                  const int tap = turned ? 8 - (3 * i + j) : 3 * i + j;
                  return load_all<V>(lines.data() + (tap * kBlock + k) * kL);
                },
                [&](int i, int j, const V& v) {
                  store_all(buffer_.data() + ((i * kWinogradIn + j) * panels_ + panel) * in_ * kL + (c + k) * kL, v);
                });
        }
      }
    });
  }
  /// The first panel of a point; panels are in * lanes numbers apart.
  const float* at(int point) const { return buffer_.data() + point * panels_ * in_ * kL; }

 private:
  using V = Vec<float, Arch>;
  static constexpr std::int64_t kL = kLanes<float, Arch>;
  static constexpr std::int64_t kBlock = 16;

  // lines[tap][channel][lane] from w; lanes that do not exist are zero. Whatever is next to each other in w is read
  // together.
  static void gather(const float* w, std::int64_t channels, std::int64_t lanes, std::int64_t in_step,
                     std::int64_t out_step, std::int64_t tap_step, float* lines) {
    if (lanes < kL) std::fill_n(lines, 9 * kBlock * kL, 0.0F);
    for (std::int64_t tap = 0; tap < 9; ++tap) {
      float* to = lines + tap * kBlock * kL;
      const float* from = w + tap * tap_step;
      if (out_step == 1) {
        for (std::int64_t k = 0; k < channels; ++k) std::copy_n(from + k * in_step, lanes, to + k * kL);
      } else {
        for (std::int64_t o = 0; o < lanes; ++o)
          for (std::int64_t k = 0; k < channels; ++k) to[k * kL + o] = from[o * out_step + k * in_step];
      }
    }
  }

  std::int64_t in_, panels_;
  Scratch<float> buffer_;
};

// Tiles of a block: the matrices of a tile take 36 (in + out) floats. As many as half of a 1 MB cache holds, but with
// many channels enough to balance them with the weights, 36 in out, that every block reads.
inline std::int64_t winograd_block(std::int64_t in, std::int64_t out, std::int64_t tiles, std::int64_t rows) {
  const std::int64_t fit = (640 << 10) / (kWinogradPoints * (in + out) * static_cast<std::int64_t>(sizeof(float)));
  const std::int64_t balanced = in * out / (2 * (in + out));
  const std::int64_t block = std::clamp<std::int64_t>(std::max(fit, balanced), rows, 128) / rows * rows;
  // At least 4 blocks for threads to share, if there are so many tiles.
  const std::int64_t shared = (tiles + 3) / 4;
  return std::clamp<std::int64_t>(shared, 1, block);
}

template <class Arch>
void run_winograd(const ImageBatch<const float>& x, const ImageBatch<float>& y, std::int64_t pad_h,
                  std::int64_t pad_w, const WinogradFilters<Arch>& filters, const float* bias) {
  using V = Vec<float, Arch>;
  constexpr std::int64_t kL = kLanes<float, Arch>;
  const WinogradTiles tiles(y.count, y.h, y.w);
  const std::int64_t block = winograd_block(x.channels, y.channels, tiles.count(), kWinogradRows);
  const std::int64_t blocks = (tiles.count() + block - 1) / block;
  parallel_for(blocks, 1, [&](std::int64_t i, std::int64_t last) {
    WinogradMatrices<Arch> in(block, x.channels), out(block, y.channels);
    for (; i < last; ++i) {
      const std::int64_t begin = i * block, end = std::min(tiles.count(), begin + block);
      transform_inputs<Arch, kWinogradIn>(
          tiles, begin, end, x, 0, x.channels, pad_h, pad_w,
          [](const V(&d)[kWinogradIn], V(&t)[kWinogradIn]) { winograd_input(d, t); }, in);
      for (int point = 0; point < kWinogradPoints; ++point)
        winograd_product<Arch, false>(end - begin, out.vectors(),
                                      {x.channels, in.at(point, 0), in.row(), 1, filters.at(point), x.channels * kL,
                                       kL, out.at(point, 0), out.row()});
      transform_outputs<Arch>(tiles, begin, end, out, bias, y);
    }
  });
}

}  // namespace detail

/// kernels::conv2d_forward by Winograd's method, for geometries to which it applies. `bias` may be null.
template <class Arch = DefaultArch>
void winograd_forward(const ConvGeometry& g, const float* x, const float* w, const float* bias, float* y) {
  const std::int64_t in = g.in_channels;
  const detail::WinogradFilters<Arch> filters(in, g.out_channels, w, 1, 9 * in, in, false);
  detail::run_winograd<Arch>({x, g.batch, g.in_h, g.in_w, in}, {y, g.batch, g.out_h(), g.out_w(), g.out_channels},
                             g.window.pad_h, g.window.pad_w, filters, bias);
}

/// kernels::conv2d_backward_data by Winograd's method: the convolution of dy with the filters turned round, padded by
/// 2 - pad.
template <class Arch = DefaultArch>
void winograd_backward_data(const ConvGeometry& g, const float* dy, const float* w, float* dx) {
  const std::int64_t in = g.in_channels;
  const detail::WinogradFilters<Arch> filters(g.out_channels, in, w, 9 * in, 1, in, true);
  detail::run_winograd<Arch>({dy, g.batch, g.out_h(), g.out_w(), g.out_channels}, {dx, g.batch, g.in_h, g.in_w, in},
                             2 - g.window.pad_h, 2 - g.window.pad_w, filters, nullptr);
}

}  // namespace bitgrain::kernels
