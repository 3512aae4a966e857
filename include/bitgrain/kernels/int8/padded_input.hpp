#pragma once

/// A few images copied into a frame of padding bytes, for stems and depthwise convolutions, which then need no border
/// cases. The copy reads every byte once while the convolution reads it kh * kw times per 16 output channels.

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/kernels/int8/packed_conv2d.hpp"
#include "bitgrain/kernels/int8/pixel_unit.hpp"

namespace bitgrain::kernels {

/// [groups][images][H + 2 pad][W + 2 pad][channels of a group], four bytes more at the end.
class PaddedInput {
 public:
  /// Room for `images` images of `conv` at a time.
  PaddedInput(const PackedConv2d& conv, std::int64_t images)
      : conv_(conv),
        groups_(conv.depthwise ? 1 : conv.geometry.groups),
        channels_(conv.geometry.in_channels / groups_),
        height_(conv.geometry.in_h + 2 * conv.geometry.window.pad_h),
        width_(conv.geometry.in_w + 2 * conv.geometry.window.pad_w),
        group_bytes_(images * image_bytes()),
        frame_(static_cast<std::size_t>(groups_ * group_bytes_ + kDotQuad)) {
    if (frame_.data() == nullptr) return;  // only the memory is wanted
    std::memset(frame_.data(), conv_.padding, static_cast<std::size_t>(groups_ * group_bytes_ + kDotQuad));
  }

  /// Brings in `images` images starting at `x`.
  void fill(const std::uint8_t* x, std::int64_t images) {
    std::uint8_t* frame = frame_.data();
    const ConvGeometry& g = conv_.geometry;
    for (std::int64_t group = 0; group < groups_; ++group)
      for (std::int64_t n = 0; n < images; ++n)
        for (std::int64_t y = 0; y < g.in_h; ++y) {
          const std::uint8_t* from = x + (n * g.in_h + y) * g.in_w * g.in_channels + group * channels_;
          std::uint8_t* to = frame + group * group_bytes_ + offset(n, y + g.window.pad_h, g.window.pad_w);
          if (groups_ == 1)
            std::memcpy(to, from, static_cast<std::size_t>(g.in_w * g.in_channels));
          else
            for (std::int64_t i = 0; i < g.in_w; ++i)
              std::copy_n(from + i * g.in_channels, channels_, to + i * channels_);
        }
  }

  const std::uint8_t* data() const { return frame_.data(); }
  /// How its images lie, seen from the first byte of the frame of a group.
  detail::InputView view() const { return conv_.view(); }
  std::int64_t group_bytes() const { return group_bytes_; }
  /// Where row y, column x of the framed image n starts.
  std::int64_t offset(std::int64_t n, std::int64_t y, std::int64_t x) const {
    return ((n * height_ + y) * width_ + x) * channels_;
  }

 private:
  std::int64_t image_bytes() const { return height_ * width_ * channels_; }

  const PackedConv2d& conv_;
  std::int64_t groups_, channels_, height_, width_;
  std::int64_t group_bytes_;
  Scratch<std::uint8_t> frame_;
};

}  // namespace bitgrain::kernels
