#pragma once

/// Tiles of images, and their way into and out of the 36 matrices of Winograd's convolution.
///
/// The tiles of all images are numbered through and handled a block at a time. A matrix of a block holds one of the
/// 36 transformed elements: a row per tile, a column per channel, rows filled up to whole vectors. The matrices of a
/// block lie one after the other, a cache line more than their size apart: 36 addresses that differ by powers of two
/// would evict each other.

#include <algorithm>
#include <cstdint>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/kernels/f32/winograd_transform.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// Images [count, h, w, channels].
template <class T>
struct ImageBatch {
  T* data;
  std::int64_t count, h, w, channels;
};

/// The tiles of `size` x `size` outputs that cover the output of a convolution.
struct WinogradTiles {
  std::int64_t images, rows, columns, size;

  WinogradTiles(std::int64_t count, std::int64_t out_h, std::int64_t out_w, std::int64_t tile)
      : images(count), rows((out_h + tile - 1) / tile), columns((out_w + tile - 1) / tile), size(tile) {}
  std::int64_t count() const { return images * rows * columns; }
  /// Calls visit(k, count, image, y, x) for the tiles [begin, end), up to kSegment neighbours in a row at a time: k
  /// counts tiles from 0, (y, x) is the first output pixel of the first.
  template <class Visit>
  void for_each_segment(std::int64_t begin, std::int64_t end, Visit visit) const {
    for (std::int64_t t = begin; t < end;) {
      const std::int64_t column = t % columns, row = t / columns % rows;
      const std::int64_t count = std::min({kSegment, columns - column, end - t});
      visit(t - begin, count, t / (rows * columns), row * size, column * size);
      t += count;
    }
  }
  static constexpr std::int64_t kSegment = 8;
};

/// The 36 matrices of a block of at most `rows` tiles.
template <class Arch>
class WinogradMatrices {
 public:
  WinogradMatrices(std::int64_t rows, std::int64_t channels)
      : row_((channels + kL - 1) / kL * kL),
        matrix_(rows * row_ + 16),
        buffer_(static_cast<std::size_t>(kWinogradPoints * matrix_)) {}
  /// Row `tile` of matrix `point`.
  float* at(std::int64_t point, std::int64_t tile) { return buffer_.data() + point * matrix_ + tile * row_; }
  std::int64_t matrix() const { return matrix_; }
  std::int64_t row() const { return row_; }
  std::int64_t vectors() const { return row_ / kL; }

 private:
  static constexpr std::int64_t kL = kLanes<float, Arch>;
  std::int64_t row_, matrix_;
  Scratch<float> buffer_;
};

namespace detail {

// Calls body(channel, load) for every vector of channels; load(p) reads those of them that exist.
template <class V, class Body>
inline void for_each_channel_vector(std::int64_t channels, Body body) {
  constexpr auto kL = static_cast<std::int64_t>(V::size);
  std::int64_t c = 0;
  for (; c + kL <= channels; c += kL) body(c, [](const float* p) { return load_all<V>(p); });
  if (c < channels) body(c, [left = channels - c](const float* p) { return load_first<V>(p, left); });
}

// Transforms the Size x Size pixels from (y - pad, x - pad) on of the tiles [begin, end), channels [first, first +
// count). Along the height once for every column of pixels, which neighbouring tiles share, then along the width for
// each tile; tiles are Step pixels apart. Tile `begin` goes to row `to_row`.
template <class Arch, int Size, int Step, class Transform>
void transform_inputs(const WinogradTiles& tiles, std::int64_t begin, std::int64_t end,
                      const ImageBatch<const float>& x, std::int64_t first, std::int64_t count, std::int64_t pad_h,
                      std::int64_t pad_w, Transform transform, WinogradMatrices<Arch>& to, std::int64_t to_row = 0) {
  using V = Vec<float, Arch>;
  V columns[(WinogradTiles::kSegment - 1) * Step + Size][kWinogradIn];
  Scratch<float> zeros(static_cast<std::size_t>(x.w * x.channels));
  std::fill_n(zeros.data(), x.w * x.channels, 0.0F);
  const std::int64_t matrix = to.matrix();
  tiles.for_each_segment(
      begin, end,
      [&](std::int64_t tile, std::int64_t segment, std::int64_t image, std::int64_t top, std::int64_t left) {
        const float* lines[Size];
        for (int i = 0; i < Size; ++i) {
          const std::int64_t h = top - pad_h + i;
          lines[i] = h >= 0 && h < x.h ? x.data + (image * x.h + h) * x.w * x.channels : zeros.data();
        }
        const std::int64_t width = (segment - 1) * Step + Size;
        const std::int64_t inside = std::clamp<std::int64_t>(pad_w - left, 0, width);
        const std::int64_t outside = std::clamp<std::int64_t>(x.w + pad_w - left, inside, width);
        for_each_channel_vector<V>(count, [&](std::int64_t c, auto load) {
          for (std::int64_t k = 0; k < inside; ++k) std::fill_n(columns[k], kWinogradIn, V(0.0F));
          for (std::int64_t k = outside; k < width; ++k) std::fill_n(columns[k], kWinogradIn, V(0.0F));
          const std::int64_t at = (left - pad_w) * x.channels + first + c;
          for (std::int64_t k = inside; k < outside; ++k) {
            V pixels[Size];
#pragma GCC unroll 6
            for (int i = 0; i < Size; ++i) pixels[i] = load(lines[i] + at + k * x.channels);
            transform(pixels, columns[k]);
          }
          for (std::int64_t t = 0; t < segment; ++t) {
            float* row = to.at(0, to_row + tile + t) + c;
#pragma GCC unroll 6
            for (int i = 0; i < kWinogradIn; ++i, row += kWinogradIn * matrix) {
              V line[Size], points[kWinogradIn];
#pragma GCC unroll 6
              for (int j = 0; j < Size; ++j) line[j] = columns[t * Step + j][i];
              transform(line, points);
#pragma GCC unroll 6
              for (int j = 0; j < kWinogradIn; ++j) store_all(row + j * matrix, points[j]);
            }
          }
        });
      });
}

// Transforms the sums of the tiles [begin, end) into Out x Out outputs of the channels [first, first + count), adds
// the bias, and stores those inside the image.
template <class Arch, int Out>
void transform_outputs(const WinogradTiles& tiles, std::int64_t begin, std::int64_t end, WinogradMatrices<Arch>& from,
                       const float* bias, const ImageBatch<float>& y, std::int64_t first, std::int64_t count) {
  using V = Vec<float, Arch>;
  constexpr std::int64_t kL = kLanes<float, Arch>;
  const std::int64_t matrix = from.matrix();
  tiles.for_each_segment(
      begin, end,
      [&](std::int64_t tile, std::int64_t segment, std::int64_t image, std::int64_t top, std::int64_t left) {
        const std::int64_t rows = std::min<std::int64_t>(Out, y.h - top);
        for (std::int64_t t = 0; t < segment; ++t, left += Out) {
          float* corner = y.data + ((image * y.h + top) * y.w + left) * y.channels;
          const std::int64_t columns = std::min<std::int64_t>(Out, y.w - left);
          for (std::int64_t c = 0; c < count; c += kL) {
            const std::int64_t lanes = std::min(kL, count - c);
            const V start = bias ? load_first<V>(bias + first + c, lanes) : V(0.0F);
            V half[kWinogradIn][Out];
            const float* row = from.at(0, tile + t) + c;
#pragma GCC unroll 6
            for (int i = 0; i < kWinogradIn; ++i, row += kWinogradIn * matrix) {
              V points[kWinogradIn];
#pragma GCC unroll 6
              for (int j = 0; j < kWinogradIn; ++j) points[j] = load_all<V>(row + j * matrix);
              winograd_coefficients(points, half[i]);
            }
#pragma GCC unroll 4
            for (int j = 0; j < Out; ++j) {
              if (j >= columns) break;
              V column[kWinogradIn], out[Out];
#pragma GCC unroll 6
              for (int i = 0; i < kWinogradIn; ++i) column[i] = half[i][j];
              winograd_coefficients(column, out);
              float* to = corner + j * y.channels + first + c;
#pragma GCC unroll 4
              for (int i = 0; i < Out; ++i) {
                if (i >= rows) break;
                if (lanes == kL)
                  store_all(to + i * y.w * y.channels, out[i] + start);
                else
                  store_first(to + i * y.w * y.channels, lanes, out[i] + start);
              }
            }
          }
        }
      });
}

}  // namespace detail
}  // namespace bitgrain::kernels
