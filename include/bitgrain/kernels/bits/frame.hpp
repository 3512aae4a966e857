#pragma once

/// A few images split into planes of bits, in a frame of padding, so that the bit-serial kernels need no border
/// cases:
///
///     [planes][images][H + 2 pad][W + 2 pad][ceil(channels / 8) bytes]
///
/// The frame is written once; every fill writes the same inside.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/kernels/bits/packed_conv2d.hpp"

namespace bitgrain::kernels {

template <class Bits>
class BitFrame {
 public:
  /// Room for `images` images of `conv` at a time.
  BitFrame(const PackedBitConv2d& conv, std::int64_t images)
      : conv_(conv),
        height_(conv.geometry.in_h + 2 * conv.geometry.window.pad_h),
        width_(conv.geometry.in_w + 2 * conv.geometry.window.pad_w),
        plane_bytes_(images * height_ * width_ * conv.pixel_bytes + kBitWordBytes),
        planes_(static_cast<std::size_t>(conv.input_planes * plane_bytes_)),
        values_(conv.has_values ? static_cast<std::size_t>(images * height_ * width_) : 1) {
    for (int j = 0; j < conv.input.bits; ++j) set_plane(j, (conv.padding >> j & 1) != 0);
    if (conv.two_by_two) set_plane(2, conv.padding == 0 || conv.padding == 3);
    if (!conv.has_values) return;
    const std::int32_t value = conv.level_value[static_cast<std::size_t>(conv.padding)];
    std::fill_n(values_.data(), images * height_ * width_,
                static_cast<std::int32_t>(conv.geometry.in_channels) * value);
  }

  /// Splits `images` images starting at `x`.
  void fill(const std::uint8_t* x, std::int64_t images) {
    const ConvGeometry& g = conv_.geometry;
    // Pixels that end within a byte are split one by one, others a row at a time.
    const std::int64_t together = g.in_channels % 8 == 0 ? g.in_w : 1;
    for (std::int64_t n = 0; n < images; ++n)
      for (std::int64_t y = 0; y < g.in_h; ++y) {
        const std::int64_t row = offset(n, y + g.window.pad_h, g.window.pad_w);
        for (std::int64_t i = 0; i < g.in_w; i += together, x += together * g.in_channels) {
          std::uint8_t* to[8];
          for (int j = 0; j < conv_.input.bits; ++j) to[j] = plane(j) + row + i * conv_.pixel_bytes;
          Bits::split(x, together * g.in_channels, static_cast<std::uint8_t>(conv_.input.lowest), conv_.split_shift,
                      conv_.input.bits, to);
        }
        if (conv_.two_by_two) compare_row(row);
        if (conv_.has_values) sum_row(row);
      }
  }

  std::uint8_t* plane(int j) const { return planes_.data() + j * plane_bytes_; }
  /// The number of the pixel in row y, column x of the framed image n, and where it starts in a plane.
  std::int64_t pixel(std::int64_t n, std::int64_t y, std::int64_t x) const { return (n * height_ + y) * width_ + x; }
  std::int64_t offset(std::int64_t n, std::int64_t y, std::int64_t x) const {
    return pixel(n, y, x) * conv_.pixel_bytes;
  }
  /// has_values: the sum over the channels of level_value, by number of the pixel.
  const std::int32_t* values() const { return values_.data(); }

 private:
  void set_plane(int j, bool one) { std::memset(plane(j), one ? 0xFF : 0, static_cast<std::size_t>(plane_bytes_)); }

  // The third plane of a row of pixels whose first byte is `row`.
  void compare_row(std::int64_t row) {
    const std::uint8_t* low = plane(0) + row;
    const std::uint8_t* high = plane(1) + row;
    std::uint8_t* equal = plane(2) + row;
    const std::int64_t bytes = conv_.geometry.in_w * conv_.pixel_bytes;
    for (std::int64_t i = 0; i < bytes; ++i) equal[i] = static_cast<std::uint8_t>(~(low[i] ^ high[i]));
  }

  // The values of the row. level_value is linear in the bits of the level, but for two by two bits, where the two
  // together add something.
  void sum_row(std::int64_t row) {
    const auto& v = conv_.level_value;
    std::int32_t* value = values_.data() + row / conv_.pixel_bytes;
    std::fill_n(value, conv_.geometry.in_w, static_cast<std::int32_t>(conv_.geometry.in_channels) * v[0]);
    for (int j = 0; j < conv_.input.bits; ++j)
      add_counts(v[std::size_t{1} << j] - v[0], plane(j) + row, plane(j) + row, value);
    if (conv_.two_by_two) add_counts(v[3] - v[2] - v[1] + v[0], plane(0) + row, plane(1) + row, value);
  }

  // value[x] += times * popcount(a & b) by pixel.
  void add_counts(std::int32_t times, const std::uint8_t* a, const std::uint8_t* b, std::int32_t* value) {
    const std::int64_t bytes = conv_.pixel_bytes;
    for (std::int64_t x = 0; x < conv_.geometry.in_w; ++x, a += bytes, b += bytes) {
      std::int32_t count = 0;
      std::int64_t i = 0;
      for (; i + 8 <= bytes; i += 8) {
        std::uint64_t u, v;
        std::memcpy(&u, a + i, sizeof u);
        std::memcpy(&v, b + i, sizeof v);
        count += std::popcount(u & v);
      }
      for (; i < bytes; ++i) count += std::popcount(static_cast<unsigned>(a[i] & b[i]));
      value[x] += times * count;
    }
  }

  const PackedBitConv2d& conv_;
  std::int64_t height_, width_, plane_bytes_;
  Scratch<std::uint8_t> planes_;
  Scratch<std::int32_t> values_;
};

}  // namespace bitgrain::kernels
