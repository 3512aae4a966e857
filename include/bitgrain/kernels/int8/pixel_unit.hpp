#pragma once

/// The output pixels that the int8 convolution makes in one go: rows of one image, or several whole images, sorted
/// into classes whose windows have the same taps inside the image. A corner of a 3x3 convolution takes four taps, an
/// edge six; on small images padding is a sixth of the work otherwise.

#include <algorithm>
#include <cstdint>
#include <span>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/kernels/int8/packed_conv2d.hpp"

namespace bitgrain::kernels::detail {

/// Where a kernel reads: the images themselves, or framed copies.
struct InputView {
  std::int64_t image_bytes, row_bytes, pixel_bytes;  ///< from one to the next
  std::int64_t top = 0, left = 0;                    ///< of the image's first pixel in its frame
};

/// The windows of a class: `rows` stretches of `columns` stretches of `quads` quads.
struct PixelClass {
  std::int64_t rows = 0, columns = 0, quads = 0;
  std::int64_t weights = 0;             ///< offset of the first weights taken, in bytes
  const std::int32_t* start = nullptr;  ///< first values of the accumulators
  std::int64_t begin = 0, end = 0;      ///< its pixels
};

// to[i] = first + i step: a loop for the vectorizer.
inline void count_up(std::int32_t count, std::int32_t first, std::int32_t step, std::int32_t* to) {
  for (std::int32_t i = 0; i < count; ++i) to[i] = first + i * step;
}

class PixelUnit {
 public:
  /// For units of at most `pixels` output pixels.
  PixelUnit(const PackedConv2d& conv, std::int64_t pixels)
      : class_memory_(conv.rows.size() * conv.columns.size()),
        input_memory_(static_cast<std::size_t>(pixels)),
        output_memory_(static_cast<std::size_t>(pixels)) {}

  std::span<PixelClass> classes;
  std::span<std::int32_t> input;   ///< byte offset of the first tap taken, per pixel
  std::span<std::int32_t> output;  ///< number of the pixel within the unit

  /// Rows [first, end) of `images` images.
  void build(const PackedConv2d& conv, const InputView& view, std::int64_t images, std::int64_t first,
             std::int64_t end) {
    if (images == images_ && first == first_ && end == end_) return;
    images_ = images;
    first_ = first;
    end_ = end;
    const ConvGeometry& g = conv.geometry;
    const Window2d& win = g.window;
    const std::int64_t out_w = g.out_w(), unit_rows = end - first;
    const auto pixels = static_cast<std::size_t>(images * unit_rows * out_w);
    std::size_t made = 0;
    input = {input_memory_.data(), pixels};
    output = {output_memory_.data(), pixels};
    std::int32_t *in = input.data(), *out = output.data();
    const bool by_taps = conv.runs != win.kernel_h;
    const std::int64_t quad_bytes = kDotLanes * kDotQuad;
    for (std::size_t r = 0; r < conv.rows.size(); ++r)
      for (std::size_t c = 0; c < conv.columns.size(); ++c) {
        const TapRange &ky = conv.rows[r], &kx = conv.columns[c];
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
        k.begin = in - input.data();
        for (std::int64_t n = 0; n < images; ++n)
          for (std::int64_t oy = from; oy < to; ++oy) {
            const std::int64_t y = oy * win.stride_h - win.pad_h + ky.first_tap * win.dilation_h + view.top;
            const std::int64_t x =
                kx.first_out * win.stride_w - win.pad_w + kx.first_tap * win.dilation_w + view.left;
            const auto at =
                static_cast<std::int32_t>(n * view.image_bytes + y * view.row_bytes + x * view.pixel_bytes);
            const auto number = static_cast<std::int32_t>((n * unit_rows + oy - first) * out_w + kx.first_out);
            const auto step = static_cast<std::int32_t>(win.stride_w * view.pixel_bytes);
            const auto outs = static_cast<std::int32_t>(kx.outs);
            count_up(outs, at, step, in);
            count_up(outs, number, 1, out);
            in += outs;
            out += outs;
          }
        k.end = in - input.data();
        class_memory_[made++] = k;
      }
    classes = {class_memory_.data(), made};
  }

 private:
  Scratch<PixelClass> class_memory_;
  Scratch<std::int32_t> input_memory_, output_memory_;
  std::int64_t images_ = -1, first_ = 0, end_ = 0;
};

}  // namespace bitgrain::kernels::detail
