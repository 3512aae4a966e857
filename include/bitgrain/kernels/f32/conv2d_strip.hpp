#pragma once

/// The part of the input that a block of output rows reads, with its zero padding.
///
/// Where the block stays inside the image, the strip is the image itself. Otherwise the rows are copied into scratch
/// memory with zeros around them, so that the kernels need no border cases: at the layers of a ResNet the copy costs
/// a few percent, and it stays in the second-level cache.

#include <algorithm>
#include <cstdint>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/kernels/f32/conv2d_plan.hpp"

namespace bitgrain::kernels {

template <class T>
class InputStrip {
 public:
  /// Makes room for blocks of `images` images and `rows` output rows. With `readable_past` > 0 that many numbers
  /// beyond the last pixel may be read: then the strip is always a copy.
  InputStrip(const ConvPlan& plan, std::int64_t images, std::int64_t rows, std::int64_t readable_past = 0)
      : plan_(plan),
        channels_(plan.in_channels()),
        left_(plan.w.low(0)),
        width_(plan.w.high(plan.w.count - 1) - left_),
        height_(plan.h.high(rows - 1) - plan.h.low(0)),
        past_(readable_past),
        always_(readable_past > 0 || left_ < 0 || left_ + width_ > plan.w.input),
        buffer_(static_cast<std::size_t>(may_copy() ? images * height_ * width_ * channels_ + past_ : 0)) {}

  /// Brings what output rows [row, row + rows) of `images` images from `image` on read.
  void load(const T* x, std::int64_t image, std::int64_t images, std::int64_t row, std::int64_t rows) {
    const std::int64_t image_size = plan_.h.input * plan_.w.input * channels_;
    const std::int64_t top = plan_.h.low(row), bottom = plan_.h.high(row + rows - 1);
    x += image * image_size;
    if (!always_ && top >= 0 && bottom <= plan_.h.input) {
      data_ = x;
      top_ = 0;
      first_column_ = 0;
      row_step_ = plan_.w.input * channels_;
      image_step_ = image_size;
      return;
    }
    data_ = buffer_.data();
    top_ = top;
    first_column_ = left_;
    row_step_ = width_ * channels_;
    image_step_ = height_ * row_step_;
    for (std::int64_t n = 0; n < images; ++n)
      for (std::int64_t h = top; h < bottom; ++h)
        copy_row(x + n * image_size, h, buffer_.data() + n * image_step_ + (h - top) * row_step_);
    std::fill_n(buffer_.data() + (images - 1) * image_step_ + (bottom - top) * row_step_, past_, T{});
  }

  const T* data() const { return data_; }
  /// Offset of the first channel of input pixel (h, w) of the block's n-th image.
  std::int64_t at(std::int64_t n, std::int64_t h, std::int64_t w) const {
    return n * image_step_ + (h - top_) * row_step_ + (w - first_column_) * channels_;
  }

 private:
  bool may_copy() const { return always_ || plan_.h.low(0) < 0 || plan_.h.high(plan_.h.count - 1) > plan_.h.input; }
  void copy_row(const T* image, std::int64_t h, T* to) const {
    const std::int64_t inside = std::clamp<std::int64_t>(0, left_, left_ + width_);
    const std::int64_t end = std::clamp<std::int64_t>(plan_.w.input, inside, left_ + width_);
    if (h < 0 || h >= plan_.h.input || inside == end) {
      std::fill_n(to, row_step_, T{});
      return;
    }
    const std::int64_t before = (inside - left_) * channels_, count = (end - inside) * channels_;
    std::fill_n(to, before, T{});
    std::copy_n(image + (h * plan_.w.input + inside) * channels_, count, to + before);
    std::fill_n(to + before + count, row_step_ - before - count, T{});
  }

  const ConvPlan& plan_;
  std::int64_t channels_, left_, width_, height_, past_;
  bool always_;
  Scratch<T> buffer_;
  const T* data_ = nullptr;
  std::int64_t top_ = 0, first_column_ = 0, row_step_ = 0, image_step_ = 0;
};

}  // namespace bitgrain::kernels
