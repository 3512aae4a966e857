#pragma once

/// The gradient of a convolution with respect to its weights with gradient tiles (gradient_tile.hpp), where taps are
/// neighbours and channels whole vectors: the inner layers of most networks. Input and gradient are read where they
/// stand.
///
/// Each tile sums over a block of about 200 pixels: so its eight channels of dy and its vector of x, a cache line per
/// pixel each, stay in the first-level cache while the tiles of all kernel rows use them.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/conv2d_blocks.hpp"
#include "bitgrain/kernels/f32/conv2d_plan.hpp"
#include "bitgrain/kernels/f32/gradient_tile.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {
namespace detail {

inline constexpr std::int64_t kGradientPixels = 200;

// Copies `rows` pixels of `channels` numbers into slices of `width` channels, [slice][pixel][width]. The last slice
// overlaps the one before if it must.
template <class T>
void slice_pixels(const T* from, std::int64_t pixels, std::int64_t channels, std::int64_t first, std::int64_t last,
                  std::int64_t width, std::int64_t slice_size, T* to) {
  for (std::int64_t c = first; c < last; c += width, to += slice_size) {
    const T* slice = from + std::min(c, last - width);
    for (std::int64_t p = 0; p < pixels; ++p) std::copy_n(slice + p * channels, width, to + p * width);
  }
}

// Adds up the gradient of some filters, one block of pixels after the other.
template <class T, class Arch>
class WeightLines {
 public:
  // For blocks of up to `pixels` output pixels, and the filters [begin, end) of every group.
  WeightLines(const ConvPlan& plan, const PixelBlocks& blocks, std::int64_t begin, std::int64_t end)
      : plan_(plan),
        begin_(begin),
        end_(end),
        slice_x_(far_apart(plan.in_channels())),
        slice_dy_(far_apart(plan.out_channels())),
        x_size_(slice_x_ ? blocks.max_images() * input_rows(blocks.max_rows()) * plan.w.input * kL : 0),
        dy_size_(slice_dy_ ? blocks.max_images() * blocks.max_rows() * plan.w.count * kGradientRows : 0),
        x_slices_(static_cast<std::size_t>(x_size_ * plan.in_channels() / kL)),
        dy_slices_(static_cast<std::size_t>(dy_size_ * plan.groups * divide_up(end - begin, kGradientRows))) {}

  // Adds a block to the gradient, or overwrites it.
  void run(const PixelBlock& block, const T* x, const T* dy, T* dw, bool accumulate) {
    const auto taps = static_cast<std::int64_t>(plan_.w.taps.size());
    const std::int64_t filter_slices = divide_up(end_ - begin_, kGradientRows), channel_slices = plan_.group_in / kL;
    place(block, x, dy);
    const std::int64_t tiles = plan_.groups * filter_slices * channel_slices *
                               static_cast<std::int64_t>(plan_.h.taps.size()) * divide_up(taps, kGradientTaps);
    const std::int64_t rows = block.images * block.rows;
    SharedPrefetch next_x(x + x_offset(block.image, block.row + rows), rows * plan_.h.step * x_line(), tiles * rows);
    SharedPrefetch next_dy(dy + dy_offset(block.image, block.row + rows), rows * dy_line(), tiles * rows);
    const std::int64_t x_step = slice_x_ ? kL : plan_.in_channels();
    const std::int64_t dy_step = slice_dy_ ? kGradientRows : plan_.out_channels();
    for (std::int64_t g = 0; g < plan_.groups; ++g)
      for (std::int64_t o = 0; o < filter_slices; ++o) {
        const std::int64_t wanted = begin_ + o * kGradientRows, filter = std::min(wanted, end_ - kGradientRows);
        const T* from_dy =
            slice_dy_ ? dy_slices_.data() + (g * filter_slices + o) * dy_size_ : dy + g * plan_.group_out + filter;
        for (std::int64_t c = 0; c < channel_slices; ++c) {
          const T* from_x =
              slice_x_ ? x_slices_.data() + (g * channel_slices + c) * x_size_ : x + g * plan_.group_in + c * kL;
          T* to = dw + (g * plan_.group_out + filter) * plan_.terms() + c * kL;
          for (std::size_t h = 0; h < plan_.h.taps.size(); ++h)
            for (std::int64_t t = 0; t < taps; t += kGradientTaps) {
              run_gradient_tile<T, Arch>(
                  std::min<std::int64_t>(kGradientTaps, taps - t),
                  {from_dy, dy_step, from_x + t * x_step, plan_.w.step * x_step, x_step, rows_.data() + first_row_[h],
                   static_cast<std::int64_t>(first_row_[h + 1] - first_row_[h]), plan_.w.count, plan_.w.low(0) + t,
                   plan_.w.step, plan_.w.input, &next_x, &next_dy},
                  {to + (static_cast<std::int64_t>(h) * taps + t) * plan_.group_in, plan_.terms(), plan_.group_in,
                   wanted - filter, accumulate});
            }
        }
      }
  }

 private:
  static constexpr std::int64_t kL = kLanes<T, Arch>;

  // Whether the same channels of neighbouring pixels are so far apart that they fight for a few sets of the caches.
  static bool far_apart(std::int64_t channels) { return channels * static_cast<std::int64_t>(sizeof(T)) > 128; }
  std::int64_t x_line() const { return plan_.w.input * plan_.in_channels(); }
  std::int64_t dy_line() const { return plan_.w.count * plan_.out_channels(); }
  std::int64_t x_offset(std::int64_t image, std::int64_t row) const {
    return (image * plan_.h.input + row * plan_.h.step) * x_line();
  }
  std::int64_t dy_offset(std::int64_t image, std::int64_t row) const {
    return (image * plan_.h.count + row) * dy_line();
  }
  // The most input rows that `rows` output rows read.
  std::int64_t input_rows(std::int64_t rows) const {
    return std::min(plan_.h.input, plan_.h.high(rows - 1) - plan_.h.low(0));
  }

  // Copies what has to be sliced, and lists the rows for each kernel row, one list after the other.
  void place(const PixelBlock& block, const T* x, const T* dy) {
    const std::int64_t top = std::clamp<std::int64_t>(plan_.h.low(block.row), 0, plan_.h.input);
    const std::int64_t bottom = std::clamp(plan_.h.high(block.row + block.rows - 1), top, plan_.h.input);
    for (std::int64_t n = 0; n < block.images; ++n) {
      if (slice_x_)
        slice_pixels(x + ((block.image + n) * plan_.h.input + top) * x_line(), (bottom - top) * plan_.w.input,
                     plan_.in_channels(), std::int64_t{0}, plan_.in_channels(), kL, x_size_,
                     x_slices_.data() + n * (bottom - top) * plan_.w.input * kL);
      for (std::int64_t g = 0; g < plan_.groups && slice_dy_; ++g)
        slice_pixels(dy + dy_offset(block.image + n, block.row) + g * plan_.group_out, block.rows * plan_.w.count,
                     plan_.out_channels(), begin_, end_, std::int64_t{kGradientRows}, dy_size_,
                     dy_slices_.data() + g * divide_up(end_ - begin_, kGradientRows) * dy_size_ +
                         n * block.rows * plan_.w.count * kGradientRows);
    }
    rows_.clear();
    first_row_.assign(1, 0);
    const std::int64_t x_step = slice_x_ ? kL : plan_.in_channels();
    for (const Tap& h : plan_.h.taps) {
      for (std::int64_t n = 0; n < block.images; ++n)
        for (std::int64_t row = 0; row < block.rows; ++row) {
          const std::int64_t from = (block.row + row) * plan_.h.step + h.offset;
          if (from < 0 || from >= plan_.h.input) continue;
          const std::int64_t x_row =
              slice_x_ ? n * (bottom - top) + from - top : (block.image + n) * plan_.h.input + from;
          rows_.push_back({slice_dy_ ? (n * block.rows + row) * plan_.w.count * kGradientRows
                                     : dy_offset(block.image + n, block.row + row),
                           (x_row * plan_.w.input + plan_.w.low(0)) * x_step});
        }
      first_row_.push_back(rows_.size());
    }
  }

  const ConvPlan& plan_;
  std::int64_t begin_, end_;
  bool slice_x_, slice_dy_;
  std::int64_t x_size_, dy_size_;  // of a slice
  Scratch<T> x_slices_, dy_slices_;
  std::vector<TileSegment> rows_;
  std::vector<std::size_t> first_row_;
};

}  // namespace detail

/// Whether the gradient of a forward plan is made of gradient tiles.
template <class T, class Arch>
bool fits_weight_lines(const ConvPlan& plan) {
  return plan.w.taps.size() > 1 && plan.w.contiguous() && plan.group_in % kLanes<T, Arch> == 0 &&
         plan.group_out >= kGradientRows;
}

}  // namespace bitgrain::kernels
