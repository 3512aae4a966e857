#pragma once

/// The gradient of a convolution with respect to its weights, in bf16: gradient tiles (f32/gradient_tile.hpp) over
/// pairs of pixels.
///
/// The sum runs over output pixels, so neighbours of a line make a pair: of dy the pixels p and p + 1, of x what
/// these two read, which for all taps together is the image of pairs
///
///     P[i] = (x[i], x[i + stride]),      pair p of tap t at  P[p * 2 * stride + t],
///
/// as large as x in floats. x may be codes, bytes that stand for byte - zero. A block of pixels is rounded and laid
/// out so, [vector of channels][line][pixel][lane], with its padding, into memory that stays in the second-level
/// cache, while the tiles of all kernel rows and filters use it.

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/kernels/bf16/pairs.hpp"
#include "bitgrain/kernels/f32/conv2d_blocks.hpp"
#include "bitgrain/kernels/f32/conv2d_plan.hpp"
#include "bitgrain/kernels/f32/gradient_tile.hpp"

namespace bitgrain::kernels {
namespace detail {

// Pixels of a block, whose pairs of one vector of channels (24 KB) stay in the first-level cache.
inline constexpr std::int64_t kPairPixels = 384;

// Adds up the gradient of some filters, one block of pixels after the other. X: float, or bytes.
template <class Arch, class X = float>
class WeightPairs {
 public:
  // For the filters [begin, end) of every group; both are multiples of kGradientRows. Bytes stand for byte - zero.
  WeightPairs(const ConvPlan& plan, const PixelBlocks& blocks, std::int64_t begin, std::int64_t end,
              std::int32_t zero = 0)
      : plan_(plan),
        begin_(begin),
        end_(end),
        zero_(zero),
        pairs_(divide_up(plan.w.count, 2)),
        line_((pairs_ - 1) * 2 * plan.w.step + static_cast<std::int64_t>(plan.w.taps.size())),
        dy_slices_(divide_up(end - begin, kWidth)),
        x_size_(blocks.max_images() * (plan.h.high(blocks.max_rows() - 1) - plan.h.low(0)) * line_ * kL),
        dy_size_(blocks.max_images() * blocks.max_rows() * pairs_ * kWidth),
        x_pairs_(static_cast<std::size_t>(x_size_ * (plan.in_channels() / kL))),
        dy_pairs_(static_cast<std::size_t>(dy_size_ * plan.groups * dy_slices_)) {}

  // Adds a block to the gradient, or overwrites it.
  void run(const PixelBlock& block, const X* x, const float* dy, float* dw, bool accumulate) {
    const auto taps = static_cast<std::int64_t>(plan_.w.taps.size());
    const std::int64_t filter_tiles = (end_ - begin_) / kGradientRows, channel_slices = plan_.group_in / kL;
    place_x(block, x);
    place_dy(block, dy);
    list_rows(block);
    const std::int64_t tiles = plan_.groups * filter_tiles * channel_slices *
                               static_cast<std::int64_t>(plan_.h.taps.size()) * divide_up(taps, kGradientTaps);
    const std::int64_t rows = block.images * block.rows, calls = tiles * rows;
    SharedPrefetch next_x(x + x_line(block.image, (block.row + rows) * plan_.h.step),
                          rows * plan_.h.step * plan_.w.input * plan_.in_channels(), calls);
    SharedPrefetch next_dy(dy + dy_line(block.image, block.row + rows), rows * plan_.w.count * plan_.out_channels(),
                           calls);
    for (std::int64_t g = 0; g < plan_.groups; ++g)
      for (std::int64_t o = 0; o < filter_tiles; ++o) {
        const std::int64_t row = o * kGradientRows;
        const Bf16Pair* from_dy = dy_pairs_.data() + (g * dy_slices_ + row / kWidth) * dy_size_ + row % kWidth;
        for (std::int64_t c = 0; c < channel_slices; ++c) {
          const Bf16Pair* from_x = x_pairs_.data() + (g * channel_slices + c) * x_size_;
          float* to = dw + (g * plan_.group_out + begin_ + row) * plan_.terms() + c * kL;
          for (std::size_t h = 0; h < plan_.h.taps.size(); ++h)
            for (std::int64_t t = 0; t < taps; t += kGradientTaps)
              run_gradient_tile<Bf16Pair, Arch>(
                  std::min<std::int64_t>(kGradientTaps, taps - t),
                  {from_dy, kWidth, from_x + t * kL, 2 * plan_.w.step * kL, kL, rows_.data() + first_row_[h],
                   static_cast<std::int64_t>(first_row_[h + 1] - first_row_[h]), pairs_, t, 2 * plan_.w.step, line_,
                   &next_x, &next_dy},
                  {to + (static_cast<std::int64_t>(h) * taps + t) * plan_.group_in, plan_.terms(), plan_.group_in, 0,
                   accumulate});
        }
      }
  }

 private:
  static constexpr std::int64_t kL = kLanes<float, Arch>;
  // Filters of a slice of dy.
  static constexpr std::int64_t kWidth = std::max<std::int64_t>(kL, kGradientRows);

  std::int64_t x_line(std::int64_t image, std::int64_t row) const {
    return (image * plan_.h.input + row) * plan_.w.input * plan_.in_channels();
  }
  std::int64_t dy_line(std::int64_t image, std::int64_t row) const {
    return (image * plan_.h.count + row) * plan_.w.count * plan_.out_channels();
  }
  // The input rows [top, bottom) that a block reads.
  std::int64_t top(const PixelBlock& b) const {
    return std::clamp<std::int64_t>(plan_.h.low(b.row), 0, plan_.h.input);
  }
  std::int64_t bottom(const PixelBlock& b) const {
    return std::clamp<std::int64_t>(plan_.h.high(b.row + b.rows - 1), top(b), plan_.h.input);
  }

  void place_x(const PixelBlock& block, const X* x) {
    const std::int64_t channels = plan_.in_channels(), left = plan_.w.low(0), width = plan_.w.input;
    // The pixels [begin, end) of P have both of their numbers inside the image.
    const std::int64_t begin = std::clamp<std::int64_t>(-left, 0, line_);
    const std::int64_t end = std::clamp(width - left - plan_.w.step, begin, line_);
    std::int64_t line = 0;
    for (std::int64_t n = 0; n < block.images; ++n)
      for (std::int64_t row = top(block); row < bottom(block); ++row, ++line) {
        const X* from = x + x_line(block.image + n, row);
        for (std::int64_t c = 0; c < channels; c += kL) {
          Bf16Pair* to = x_pairs_.data() + c / kL * x_size_ + line * line_ * kL;
          const auto pixel = [&](std::int64_t at) {
            return at >= 0 && at < width ? from + at * channels + c : nullptr;
          };
          const auto place_edges = [&](std::int64_t i, std::int64_t until) {
            for (; i < until; ++i) {
              const X *first = pixel(left + i), *second = pixel(left + i + plan_.w.step);
              if constexpr (std::is_same_v<X, float>)
                pair_rows<Arch>(kL, first, second, to + i * kL);
              else
                pair_rows<Arch>(kL, first, second, zero_, to + i * kL);
            }
          };
          place_edges(0, begin);
          if (begin < end)
            pair_pixels<Arch>(end - begin, pixel(left + begin), pixel(left + begin + plan_.w.step), channels, zero_,
                              to + begin * kL);
          place_edges(end, line_);
        }
      }
  }

  void place_dy(const PixelBlock& block, const float* dy) {
    const std::int64_t channels = plan_.out_channels();
    for (std::int64_t n = 0; n < block.images; ++n)
      for (std::int64_t row = 0; row < block.rows; ++row) {
        const float* from = dy + dy_line(block.image + n, block.row + row) + begin_;
        for (std::int64_t g = 0; g < plan_.groups; ++g)
          for (std::int64_t s = 0; s < dy_slices_; ++s) {
            const float* slice = from + g * plan_.group_out + s * kWidth;
            Bf16Pair* to =
                dy_pairs_.data() + (g * dy_slices_ + s) * dy_size_ + (n * block.rows + row) * pairs_ * kWidth;
            const std::int64_t filters = std::min(kWidth, end_ - begin_ - s * kWidth);
            std::int64_t p = 0;
            if (kWidth == kL && filters == kL) {
              p = plan_.w.count / 2;
              pair_pixels<Arch>(p, slice, slice + channels, 2 * channels, 0, to);
            }
            for (; p < pairs_; ++p) {
              const float* first = slice + 2 * p * channels;
              pair_rows<Arch>(filters, first, 2 * p + 1 < plan_.w.count ? first + channels : nullptr,
                              to + p * kWidth);
            }
          }
      }
  }

  // The rows of dy and x for each kernel row, one list after the other.
  void list_rows(const PixelBlock& block) {
    rows_.clear();
    first_row_.assign(1, 0);
    const std::int64_t first = top(block), height = bottom(block) - first;
    for (const Tap& h : plan_.h.taps) {
      for (std::int64_t n = 0; n < block.images; ++n)
        for (std::int64_t row = 0; row < block.rows; ++row) {
          const std::int64_t from = (block.row + row) * plan_.h.step + h.offset;
          if (from < 0 || from >= plan_.h.input) continue;
          rows_.push_back({(n * block.rows + row) * pairs_ * kWidth, (n * height + from - first) * line_ * kL});
        }
      first_row_.push_back(rows_.size());
    }
  }

  const ConvPlan& plan_;
  std::int64_t begin_, end_;
  std::int32_t zero_;
  std::int64_t pairs_, line_;      // of a line of dy; pixels of a line of P
  std::int64_t dy_slices_;         // per group
  std::int64_t x_size_, dy_size_;  // of a slice
  Scratch<Bf16Pair> x_pairs_, dy_pairs_;
  std::vector<TileSegment> rows_;
  std::vector<std::size_t> first_row_;
};

}  // namespace detail

/// Whether the gradient of a forward plan can be summed over pairs of pixels.
template <class Arch>
bool fits_weight_pairs(const ConvPlan& plan) {
  return plan.w.contiguous() && plan.group_in % kLanes<float, Arch> == 0 && plan.group_out % kGradientRows == 0;
}

}  // namespace bitgrain::kernels
