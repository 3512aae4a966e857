#pragma once

/// How the gradient with respect to the weights, a sum over all pixels of all images, is cut into blocks that fit the
/// second-level cache, and chunks of blocks that are summed up apart. Both depend on the problem alone, never on the
/// number of threads.

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
struct GradientBlock {
  std::int64_t image, images, row, rows;
};

/// The blocks of a convolution: several whole images each, or a part of one.
class GradientBlocks {
 public:
  GradientBlocks(const ConvPlan& plan, std::size_t element_size) : batch_(plan.batch), height_(plan.h.count) {
    const std::int64_t row = plan.w.input * plan.in_channels() * plan.h.step + plan.w.count * plan.out_channels();
    const std::int64_t fit = std::max<std::int64_t>(1, (256 << 10) / (row * static_cast<std::int64_t>(element_size)));
    images_ = std::clamp<std::int64_t>(fit / height_, 1, std::max<std::int64_t>(1, batch_));
    rows_ = std::min(fit, height_);
    per_image_ = divide_up(height_, rows_);
    count_ = images_ > 1 ? divide_up(batch_, images_) : batch_ * per_image_;
  }
  std::int64_t count() const { return count_; }
  std::int64_t max_images() const { return images_; }
  std::int64_t max_rows() const { return rows_; }
  GradientBlock operator[](std::int64_t i) const {
    if (images_ > 1) return {i * images_, std::min(images_, batch_ - i * images_), 0, height_};
    const std::int64_t row = i % per_image_ * rows_;
    return {i / per_image_, 1, row, std::min(rows_, height_ - row)};
  }

 private:
  std::int64_t batch_, height_, images_ = 1, rows_ = 1, per_image_ = 1, count_ = 0;
};

namespace detail {

// Lists the output rows of a block: where dy stands (a), and the first input that tap (h, w) of the row reads (b).
// With `skip`, rows whose tap is padding are left out.
template <class T>
void list_rows(const ConvPlan& plan, const InputStrip<T>& strip, const GradientBlock& block, const Tap& h,
               const Tap& w, bool skip, std::vector<TileSegment>& rows) {
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
const T* block_gradient(const ConvPlan& plan, const GradientBlock& block, const T* dy) {
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
