#pragma once

/// Winograd's convolutions F(4x4, 3x3) and F(2x2, 5x5), forward and backward with respect to the input; for the
/// mathematics and the error bound see winograd_transform.hpp, for the gradient with respect to the weights
/// winograd_weights.hpp.
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

/// Whether Winograd's convolution can compute this one: 3x3 or 5x5, stride 1, no dilation, one group.
inline bool winograd_applies(const ConvGeometry& g) {
  const Window2d& w = g.window;
  return g.groups == 1 && (w.kernel_h == 3 || w.kernel_h == 5) && w.kernel_w == w.kernel_h && w.stride_h == 1 &&
         w.stride_w == 1 && w.dilation_h == 1 && w.dilation_w == 1 && w.pad_h < w.kernel_h && w.pad_w < w.kernel_w;
}

namespace detail {

// The tiles of an image of h x w results of g.
inline WinogradTiles winograd_tiles(const ConvGeometry& g, std::int64_t h, std::int64_t w) {
  return {g.batch, h, w, winograd_out(static_cast<int>(g.window.kernel_h))};
}

// Whether Winograd's convolution takes less time than a direct one, by a count of multiplications per pair of
// channels: a direct sum does one per tap and output pixel; Winograd's 36 per tile, whose transforms cost about as
// much as 350 / channels (measured with AVX-512), and those of the filters `filters`.
inline bool winograd_is_faster(const ConvGeometry& g, const WinogradTiles& tiles, std::int64_t filters) {
  const std::int64_t in = g.in_channels, out = g.out_channels, count = tiles.count();
  const std::int64_t direct = g.window.kernel_h * g.window.kernel_w * g.batch * g.out_h() * g.out_w();
  return in * out >= 8 * (in + out) && (direct - 36 * count - filters) * in * out > 350 * count * (in + out);
}

}  // namespace detail

/// Whether it is faster than the direct kernels, forward. Where both take about as long, the direct sum is preferred.
inline bool winograd_wins(const ConvGeometry& g) {
  return winograd_applies(g) && detail::winograd_is_faster(g, detail::winograd_tiles(g, g.out_h(), g.out_w()), 1000);
}
/// The same for the gradient with respect to the input. Without padding that is the larger image: its outermost tiles
/// multiply zeros, which a direct sum leaves out.
inline bool winograd_data_wins(const ConvGeometry& g) {
  return winograd_applies(g) && detail::winograd_is_faster(g, detail::winograd_tiles(g, g.in_h, g.in_w), 1000);
}

namespace detail {

// The filters of a convolution: output channel o, input channel k, tap K kh + kw stands at
// w[o * out_step + k * in_step + tap * tap_step]; turned filters are read from their last tap to their first.
struct FilterSource {
  const float* w;
  std::int64_t in, out, in_step, out_step, tap_step;
  bool turned;
};

// G w G^T for the output channels [begin, end), as 36 x (vectors of them) panels [in][lanes]; lanes beyond are 0.
template <class Arch, int K>
class WinogradFilters {
 public:
  WinogradFilters(const FilterSource& source, std::int64_t begin, std::int64_t end)
      : source_(source),
        step_((end - begin + kL - 1) / kL * source.in * kL + 16),
        buffer_(static_cast<std::size_t>(kWinogradPoints * step_)) {
    const std::int64_t in = source.in;
    parallel_for(
        (end - begin + kL - 1) / kL, std::max<std::int64_t>(1, 512 / in), [&](std::int64_t panel, std::int64_t last) {
          Scratch<float> lines(static_cast<std::size_t>(K * K * kBlock * kL));
          for (; panel < last; ++panel) {
            const std::int64_t first = begin + panel * kL, count = std::min(kL, end - first);
            float* to = buffer_.data() + panel * in * kL;
            for (std::int64_t c = 0; c < in; c += kBlock) {
              const std::int64_t channels = std::min(kBlock, in - c);
              gather(first, count, c, channels, lines.data());
              for (std::int64_t k = 0; k < channels; ++k)
                transform_tile<V, K, kWinogradIn>(
                    [](const V(&g)[K], V(&t)[kWinogradIn]) { winograd_values(g, t); },
                    [&](int i, int j) { return load_all<V>(lines.data() + ((K * i + j) * kBlock + k) * kL); },
                    [&](int i, int j, const V& v) {
                      store_all(to + (i * kWinogradIn + j) * step_ + (c + k) * kL, v);
                    });
            }
          }
        });
  }
  // The first panel of a point; panels are in * lanes numbers apart. (Points are a cache line more than their size
  // apart, as the matrices of winograd_tiles.hpp.)
  const float* at(int point) const { return buffer_.data() + point * step_; }

 private:
  using V = Vec<float, Arch>;
  static constexpr std::int64_t kL = kLanes<float, Arch>;
  static constexpr std::int64_t kBlock = 16;

  // lines[tap][channel][lane] for some output and input channels; lanes that do not exist are zero. Whatever stands
  // next to each other in w is read together.
  void gather(std::int64_t out, std::int64_t lanes, std::int64_t in, std::int64_t channels, float* lines) const {
    const FilterSource& s = source_;
    if (lanes < kL) std::fill_n(lines, K * K * kBlock * kL, 0.0F);
    for (std::int64_t tap = 0; tap < K * K; ++tap) {
      float* to = lines + tap * kBlock * kL;
      const float* from = s.w + out * s.out_step + in * s.in_step + (s.turned ? K * K - 1 - tap : tap) * s.tap_step;
      if (s.out_step == 1) {
        for (std::int64_t k = 0; k < channels; ++k) std::copy_n(from + k * s.in_step, lanes, to + k * kL);
      } else {
        for (std::int64_t o = 0; o < lanes; ++o)
          for (std::int64_t k = 0; k < channels; ++k) to[k * kL + o] = from[o * s.out_step + k * s.in_step];
      }
    }
  }

  const FilterSource source_;
  std::int64_t step_;
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

// A convolution of x to y with padding before x.
template <class Arch, int K>
class WinogradRun {
 public:
  WinogradRun(const ImageBatch<const float>& x, const ImageBatch<float>& y, std::int64_t pad_h, std::int64_t pad_w,
              const FilterSource& filters, const float* bias)
      : x_(x), y_(y), pad_h_(pad_h), pad_w_(pad_w), source_(filters), bias_(bias), tiles_(y.count, y.h, y.w, kOut) {}

  void run() const {
    const std::int64_t bytes =
        kWinogradPoints * tiles_.count() * x_.channels * static_cast<std::int64_t>(sizeof(float));
    if (y_.channels >= 8 * kPair && bytes <= kFewBytes)
      run_by_channels();
    else
      run_by_tiles();
  }

 private:
  using V = Vec<float, Arch>;
  static constexpr std::int64_t kL = kLanes<float, Arch>;
  static constexpr std::int64_t kPair = 2 * kL;
  static constexpr int kOut = winograd_out(K);
  static constexpr std::int64_t kFewBytes = 3 << 20;

  // Transforms all filters, then tiles block by block.
  void run_by_tiles() const {
    const WinogradFilters<Arch, K> filters(source_, 0, y_.channels);
    const std::int64_t block = winograd_block(x_.channels, y_.channels, tiles_.count(), kWinogradRows);
    parallel_for((tiles_.count() + block - 1) / block, 1, [&](std::int64_t i, std::int64_t last) {
      WinogradMatrices<Arch> in(block, x_.channels), out(block, y_.channels);
      for (; i < last; ++i) {
        const std::int64_t begin = i * block, end = std::min(tiles_.count(), begin + block);
        transform_inputs(begin, end, in, 0);
        multiply(end - begin, y_.channels, in, filters, out);
        transform_outputs<Arch, kOut>(tiles_, begin, end, out, bias_, y_, 0, y_.channels);
      }
    });
  }
  // Transforms all tiles, then two vectors of filters after the other: the filters, which are larger than all tiles,
  // are read and transformed once and stay in the second-level cache while they are used.
  void run_by_channels() const {
    WinogradMatrices<Arch> in(tiles_.count(), x_.channels);
    parallel_for(tiles_.count(), 8,
                 [&](std::int64_t begin, std::int64_t end) { transform_inputs(begin, end, in, begin); });
    parallel_for((y_.channels + kPair - 1) / kPair, 1, [&](std::int64_t i, std::int64_t last) {
      WinogradMatrices<Arch> out(tiles_.count(), kPair);
      for (; i < last; ++i) {
        const std::int64_t first = i * kPair, count = std::min(kPair, y_.channels - first);
        multiply(tiles_.count(), count, in, WinogradFilters<Arch, K>(source_, first, first + count), out);
        transform_outputs<Arch, kOut>(tiles_, 0, tiles_.count(), out, bias_, y_, first, count);
      }
    });
  }

  void transform_inputs(std::int64_t begin, std::int64_t end, WinogradMatrices<Arch>& in, std::int64_t row) const {
    detail::transform_inputs<Arch, kWinogradIn, kOut>(
        tiles_, begin, end, x_, 0, x_.channels, pad_h_, pad_w_,
        [](const V(&d)[kWinogradIn], V(&t)[kWinogradIn]) { winograd_input(d, t); }, in, row);
  }
  void multiply(std::int64_t rows, std::int64_t channels, WinogradMatrices<Arch>& in,
                const WinogradFilters<Arch, K>& filters, WinogradMatrices<Arch>& out) const {
    for (int point = 0; point < kWinogradPoints; ++point)
      winograd_product<Arch, false>(rows, (channels + kL - 1) / kL,
                                    {x_.channels, in.at(point, 0), in.row(), 1, filters.at(point), x_.channels * kL,
                                     kL, out.at(point, 0), out.row()});
  }

  ImageBatch<const float> x_;
  ImageBatch<float> y_;
  std::int64_t pad_h_, pad_w_;
  FilterSource source_;
  const float* bias_;
  WinogradTiles tiles_;
};

}  // namespace detail

namespace detail {

template <class Arch, int K>
void winograd_forward(const ConvGeometry& g, const float* x, const float* w, const float* bias, float* y) {
  const std::int64_t in = g.in_channels, out = g.out_channels;
  WinogradRun<Arch, K>({x, g.batch, g.in_h, g.in_w, in}, {y, g.batch, g.out_h(), g.out_w(), out}, g.window.pad_h,
                       g.window.pad_w, {w, in, out, 1, K * K * in, in, false}, bias)
      .run();
}

template <class Arch, int K>
void winograd_backward_data(const ConvGeometry& g, const float* dy, const float* w, float* dx) {
  const std::int64_t in = g.in_channels, out = g.out_channels;
  WinogradRun<Arch, K>({dy, g.batch, g.out_h(), g.out_w(), out}, {dx, g.batch, g.in_h, g.in_w, in},
                       K - 1 - g.window.pad_h, K - 1 - g.window.pad_w, {w, out, in, K * K * in, 1, in, true}, nullptr)
      .run();
}

}  // namespace detail

/// kernels::conv2d_forward by Winograd's method, for geometries to which it applies. `bias` may be null.
template <class Arch = DefaultArch>
void winograd_forward(const ConvGeometry& g, const float* x, const float* w, const float* bias, float* y) {
  if (g.window.kernel_h == 3) return detail::winograd_forward<Arch, 3>(g, x, w, bias, y);
  detail::winograd_forward<Arch, 5>(g, x, w, bias, y);
}

/// kernels::conv2d_backward_data by Winograd's method: the convolution of dy with the filters turned round, padded by
/// K - 1 - pad.
template <class Arch = DefaultArch>
void winograd_backward_data(const ConvGeometry& g, const float* dy, const float* w, float* dx) {
  if (g.window.kernel_h == 3) return detail::winograd_backward_data<Arch, 3>(g, dy, w, dx);
  detail::winograd_backward_data<Arch, 5>(g, dy, w, dx);
}

}  // namespace bitgrain::kernels
