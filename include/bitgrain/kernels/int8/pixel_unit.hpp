#pragma once

/// The output pixels that the int8 convolution makes in one go: rows of one image, or several whole images, sorted
/// into classes whose windows have the same taps inside the image. A corner of a 3x3 convolution takes four taps, an
/// edge six; on small images padding is a sixth of the work otherwise.

#include <algorithm>
#include <cstdint>
#include <span>

#include "bitgrain/kernels/int8/dot.hpp"
#include "bitgrain/tensor/geometry.hpp"

namespace bitgrain::kernels::detail {

/// Where a kernel reads: the images themselves, or framed copies.
struct InputView {
  std::int64_t image_bytes, row_bytes, pixel_bytes;  ///< from one to the next
  std::int64_t top = 0, left = 0;                    ///< of the image's first pixel in its frame
};

/// The windows of a class: `rows` stretches of `columns` stretches of `quads` quads.
struct PixelClass {
  std::int64_t rows = 0, columns = 0, quads = 0;
  std::int64_t weights = 0;         ///< offset of the first weights taken, in bytes
  std::int64_t start = 0;           ///< of PackedConv2d::start: first values of the accumulators
  std::int64_t begin = 0, end = 0;  ///< its pixels
};

// to[i] = first + i step, and up to kBeyond numbers more: whole vectors, however short the run. Every number is made
// from i: g++ 12 at -O3 makes wrong ones for vectors of 128 bits where a local array is counted up instead.
inline constexpr std::int32_t kBeyond = 7;
inline std::int32_t* count_up(std::int32_t count, std::int32_t first, std::int32_t step, std::int32_t* to) {
  for (std::int32_t i = 0; i < count; i += kBeyond + 1, first += (kBeyond + 1) * step)
    for (std::int32_t j = 0; j <= kBeyond; ++j) to[i + j] = first + j * step;
  return to + count;
}

/// The pixels of a unit, in the memory of its PixelLists.
struct PixelUnit {
  std::span<const PixelClass> classes;
  std::int64_t pixels = 0;
  const std::int32_t* input = nullptr;   ///< byte offset of the first tap taken, per pixel
  const std::int32_t* output = nullptr;  ///< number of the pixel within the unit, ascending in a class
};

/// Lists the pixels of units. Memory is Scratch, or Array for lists that are kept.
template <template <class> class Memory>
class PixelLists {
 public:
  PixelLists() = default;
  /// For units of at most `pixels` output pixels of a PackedConv2d.
  template <class Conv>
  PixelLists(const Conv& conv, std::int64_t pixels)
      : classes_(conv.rows.size() * conv.columns.size()),
        input_(static_cast<std::size_t>(pixels + kBeyond)),
        output_(static_cast<std::size_t>(pixels + kBeyond)) {}

  PixelUnit unit() const { return {{classes_.data(), made_}, pixels_, input_.data(), output_.data()}; }

  /// Whether it holds rows [first, end) of `images` images.
  bool is(std::int64_t images, std::int64_t first, std::int64_t end) const {
    return images == images_ && first == first_ && end == end_;
  }
  /// Makes it hold them.
  template <class Conv>
  void build(const Conv& conv, const InputView& view, std::int64_t images, std::int64_t first, std::int64_t end) {
    if (is(images, first, end)) return;
    images_ = images;
    first_ = first;
    end_ = end;
    const ConvGeometry& g = conv.geometry;
    const Window2d& win = g.window;
    const std::int64_t out_w = g.out_w(), unit_rows = end - first;
    pixels_ = images * unit_rows * out_w;
    made_ = 0;
    std::int32_t *in = input_.data(), *out = output_.data();
    const bool by_taps = conv.runs != win.kernel_h;
    const std::int64_t quad_bytes = kDotLanes * kDotQuad;
    for (std::size_t r = 0; r < conv.rows.size(); ++r)
      for (std::size_t c = 0; c < conv.columns.size(); ++c) {
        const auto &ky = conv.rows[r], &kx = conv.columns[c];
        const std::int64_t from = std::max(first, ky.first_out), to = std::min(end, ky.first_out + ky.outs);
        if (from >= to) continue;
        PixelClass k;
        k.rows = kx.taps == 0 ? 0 : ky.taps;
        if (by_taps) {
          k.columns = kx.taps;
          k.quads = conv.quads;
          k.weights = (ky.first_tap * win.kernel_w + kx.first_tap) * conv.quads * quad_bytes;
        } else {
          k.columns = 1;
          k.quads = conv.framed ? conv.quads : kx.taps * g.group_in() / kDotQuad;
          k.weights = ky.first_tap * conv.quads * quad_bytes + kx.first_tap * g.group_in() / kDotQuad * quad_bytes;
        }
        k.start = conv.start_of(r, c);
        k.begin = in - input_.data();
        const std::int64_t y = from * win.stride_h - win.pad_h + ky.first_tap * win.dilation_h + view.top;
        const std::int64_t x = kx.first_out * win.stride_w - win.pad_w + kx.first_tap * win.dilation_w + view.left;
        const auto row_step = static_cast<std::int32_t>(win.stride_h * view.row_bytes);
        const auto step = static_cast<std::int32_t>(win.stride_w * view.pixel_bytes);
        const auto rows = static_cast<std::int32_t>(to - from), outs = static_cast<std::int32_t>(kx.outs);
        const auto width = static_cast<std::int32_t>(out_w);
        for (std::int64_t n = 0; n < images; ++n) {
          auto at = static_cast<std::int32_t>(n * view.image_bytes + y * view.row_bytes + x * view.pixel_bytes);
          auto number = static_cast<std::int32_t>((n * unit_rows + from - first) * out_w + kx.first_out);
          if (outs == 1) {  // an edge: one run
            in = count_up(rows, at, row_step, in);
            out = count_up(rows, number, width, out);
            continue;
          }
          for (std::int32_t row = 0; row < rows; ++row, at += row_step, number += width) {
            in = count_up(outs, at, step, in);
            out = count_up(outs, number, 1, out);
          }
        }
        k.end = in - input_.data();
        classes_[made_++] = k;
      }
  }

 private:
  std::int64_t images_ = -1, first_ = 0, end_ = 0, pixels_ = 0;
  std::size_t made_ = 0;
  Memory<PixelClass> classes_;
  Memory<std::int32_t> input_, output_;  // a few more follow
};

}  // namespace bitgrain::kernels::detail
