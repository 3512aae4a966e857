#pragma once

/// How a batch of images is cut into blocks of output rows that fit the second-level cache. This depends on the
/// problem alone, never on the number of threads.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/conv2d_plan.hpp"
#include "bitgrain/kernels/f32/conv2d_strip.hpp"
#include "bitgrain/kernels/f32/tile.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// Output rows [row, row + rows) of the images [image, image + images).
struct PixelBlock {
  std::int64_t image, images, row, rows;
  /// The part above row `height`.
  PixelBlock within(std::int64_t height) const { return {image, images, row, std::min(rows, height - row)}; }
};

/// A batch of images of `height` output rows, cut into blocks of about `wanted` rows: several whole images each, or a
/// part of one.
class PixelBlocks {
 public:
  PixelBlocks(std::int64_t batch, std::int64_t height, std::int64_t wanted) : batch_(batch), height_(height) {
    images_ = std::clamp<std::int64_t>(wanted / height_, 1, std::max<std::int64_t>(1, batch_));
    images_ = divide_up(batch_, std::max<std::int64_t>(1, divide_up(batch_, images_)));
    rows_ = divide_up(height_, divide_up(height_, std::clamp<std::int64_t>(wanted, 1, height_)));
    per_image_ = divide_up(height_, rows_);
    count_ = images_ > 1 ? divide_up(batch_, images_) : batch_ * per_image_;
  }
  std::int64_t count() const { return count_; }
  std::int64_t max_images() const { return images_; }
  std::int64_t max_rows() const { return rows_; }
  PixelBlock operator[](std::int64_t i) const {
    if (images_ > 1) return {i * images_, std::min(images_, batch_ - i * images_), 0, height_};
    const std::int64_t row = i % per_image_ * rows_;
    return {i / per_image_, 1, row, std::min(rows_, height_ - row)};
  }

 private:
  std::int64_t batch_, height_, images_ = 1, rows_ = 1, per_image_ = 1, count_ = 0;
};

/// How many output rows make a block, counted through the images: what they read should stay in the second-level
/// cache (half of 512 KB), and a block should be worth a thread's while but not more (4 million multiply-accumulates
/// are about 30 us).
inline std::int64_t block_rows(const ConvPlan& plan, std::size_t element_size) {
  const std::int64_t row_bytes =
      plan.w.input * plan.in_channels() * static_cast<std::int64_t>(element_size) * plan.h.step;
  const std::int64_t by_cache = (256 << 10) / std::max<std::int64_t>(1, row_bytes);
  const std::int64_t by_work = divide_up(4 << 20, std::max<std::int64_t>(1, plan.macs_per_row()));
  return std::max<std::int64_t>(1, std::min(by_cache, by_work));
}

/// The blocks of a direct convolution: at least 192 pixels, so that few rows of the last tile idle and reading the
/// weights pays.
class OutputBlocks : public PixelBlocks {
 public:
  OutputBlocks(const ConvPlan& plan, std::size_t element_size)
      : PixelBlocks(plan.batch, plan.h.count,
                    std::max(block_rows(plan, element_size), divide_up(192, plan.w.count))) {}
};

/// A unit of work: the panels [first_panel, last_panel) of output channels, all groups numbered through, of a block.
struct OutputUnit {
  PixelBlock block;
  std::int64_t first_panel, last_panel;
};

/// The units of a direct convolution with `panels` panels in each group: blocks, and where there are few of them (the
/// last layers of a network at batch 1) parts of the panels of each.
class OutputUnits {
 public:
  OutputUnits(const ConvPlan& plan, std::int64_t panels, std::size_t element_size)
      : blocks_(plan, element_size),
        panels_(plan.groups * panels),
        per_part_(divide_up(panels_, std::clamp<std::int64_t>(8 / blocks_.count(), 1, panels_))),
        parts_(divide_up(panels_, per_part_)),
        grain_(std::max<std::int64_t>(1, (count() << 18) / (plan.batch * plan.h.count * plan.macs_per_row() + 1))) {}
  const OutputBlocks& blocks() const { return blocks_; }
  std::int64_t count() const { return blocks_.count() * parts_; }
  /// How many units are worth a thread's while.
  std::int64_t grain() const { return grain_; }
  OutputUnit operator[](std::int64_t i) const {
    const std::int64_t first = i % parts_ * per_part_;
    return {blocks_[i / parts_], first, std::min(panels_, first + per_part_)};
  }

 private:
  OutputBlocks blocks_;
  std::int64_t panels_, per_part_, parts_, grain_;
};

/// The blocks of the gradient with respect to the weights: what they read of x and dy fits the second-level cache.
class GradientBlocks : public PixelBlocks {
 public:
  GradientBlocks(const ConvPlan& plan, std::size_t element_size)
      : PixelBlocks(plan.batch, plan.h.count, wanted(plan, static_cast<std::int64_t>(element_size))) {}

 private:
  static std::int64_t wanted(const ConvPlan& plan, std::int64_t element_size) {
    const std::int64_t row = plan.w.input * plan.in_channels() * plan.h.step + plan.w.count * plan.out_channels();
    return std::max<std::int64_t>(1, (256 << 10) / (row * element_size));
  }
};

namespace detail {

// Lists the output rows of a block: where dy stands (a), and the first input that tap (h, w) of the row reads (b).
// With `skip`, rows whose tap is padding are left out.
template <class T>
void list_rows(const ConvPlan& plan, const InputStrip<T>& strip, const PixelBlock& block, const Tap& h, const Tap& w,
               bool skip, std::vector<TileSegment>& rows) {
  rows.clear();
  for (std::int64_t n = 0; n < block.images; ++n)
    for (std::int64_t r = 0; r < block.rows; ++r) {
      const std::int64_t at = (block.row + r) * plan.h.step + h.offset;
      if (skip && (at < 0 || at >= plan.h.input)) continue;
      rows.push_back({(n * block.rows + r) * plan.w.count * plan.out_channels(), strip.at(n, at, w.offset)});
    }
}

// Where dy of a block begins.
template <class T>
const T* block_gradient(const ConvPlan& plan, const PixelBlock& block, const T* dy) {
  return dy + (block.image * plan.h.count + block.row) * plan.w.count * plan.out_channels();
}

// total[i] = sum over c of part[c * size + i], added in order of c. total may be part.
template <class T, class Arch>
void add_parts(std::int64_t parts, std::int64_t size, const T* part, T* total) {
  using V = Vec<T, Arch>;
  parallel_for(size, 4096, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; i += kLanes<T, Arch>) {
      const std::int64_t count = std::min(kLanes<T, Arch>, end - i);
      V sum = load_first<V>(part + i, count);
      for (std::int64_t c = 1; c < parts; ++c) sum += load_first<V>(part + c * size + i, count);
      store_first(total + i, count, sum);
    }
  });
}

}  // namespace detail
}  // namespace bitgrain::kernels
