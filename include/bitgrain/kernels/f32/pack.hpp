#pragma once

/// Packing B for the register tile (tile.hpp). The columns of a [rows, columns] matrix are cut into panels of
/// 1 to kTileVectors vectors; a panel holds all rows, each `vectors * lanes` numbers long, the last one filled up
/// with zeros. So a tile reads its B front to back with aligned loads:
///
///     panel 0: row 0 [c0 c1 ... c31]  row 1 [c0 ... c31] ...      panel 1: row 0 [c32 ... c47 0 ...] ...
///
/// Packing touches every number of B once and is paid back by its use in at least one tile of rows per 8 rows of A.

#include <algorithm>
#include <cstdint>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/tile.hpp"

namespace bitgrain::kernels {

/// A panel: its first column, its columns, and its width in vectors.
struct Panel {
  std::int64_t first, columns;
  int vectors;
};

/// The panels of `columns` columns, of up to `max_vectors` vectors, in order. Panel i of a packed matrix starts at
/// rows * first(i) rounded up to vectors, which is rows * Panel::first because only the last panel is filled up.
template <class T, class Arch>
class Panels {
 public:
  explicit Panels(std::int64_t columns, int max_vectors = kTileVectors)
      : columns_(columns), vectors_((columns + kL - 1) / kL), max_vectors_(max_vectors) {}

  /// Numbers of a packed row, filling included.
  std::int64_t width() const { return vectors_ * kL; }

  /// Calls `visit(Panel)` for each panel.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::int64_t v = 0; v < vectors_;) {
      const int take = std::min(next_tile_vectors(vectors_ - v), max_vectors_);
      visit(Panel{v * kL, std::min(columns_ - v * kL, take * kL), take});
      v += take;
    }
  }

 private:
  static constexpr std::int64_t kL = kLanes<T, Arch>;
  std::int64_t columns_, vectors_;
  int max_vectors_;
};

/// Writes a panel of `width` numbers per row: packed[r * width + c] = factor * b[r * row_step + c * column_step], and
/// zeros for c >= columns.
template <class T>
void pack_panel(std::int64_t rows, std::int64_t columns, T factor, const T* b, std::int64_t row_step,
                std::int64_t column_step, std::int64_t width, T* packed) {
  // 16 rows at a time: if B is transposed (row_step = 1) every cache line is read once, not once per row; columns a
  // power of two apart would evict each other in between.
  constexpr std::int64_t kBlock = 16;
  for (std::int64_t first = 0; first < rows; first += kBlock, packed += kBlock * width) {
    const std::int64_t count = std::min(kBlock, rows - first);
    const T* from = b + first * row_step;
    if (column_step == 1) {
      for (std::int64_t r = 0; r < count; ++r)
        for (std::int64_t c = 0; c < columns; ++c) packed[r * width + c] = factor * from[r * row_step + c];
    } else {
      for (std::int64_t c = 0; c < columns; ++c)
        for (std::int64_t r = 0; r < count; ++r)
          packed[r * width + c] = factor * from[r * row_step + c * column_step];
    }
    if (columns < width)
      for (std::int64_t r = 0; r < count; ++r)
        std::fill(packed + r * width + columns, packed + (r + 1) * width, T(0));
  }
}

}  // namespace bitgrain::kernels
