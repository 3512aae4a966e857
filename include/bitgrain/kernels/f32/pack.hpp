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
#include <type_traits>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/tile.hpp"
#include "bitgrain/kernels/simd.hpp"
#include "bitgrain/kernels/transpose.hpp"

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

namespace detail {

// A panel of a transposed matrix, in squares of vectors. The lines of the squares to come, as far apart as the
// columns, are asked for in advance.
template <class T, class Arch>
void pack_transposed(std::int64_t rows, std::int64_t columns, const T* b, std::int64_t column_step,
                     std::int64_t width, T* packed) {
  static_assert(std::is_floating_point_v<T>);
  using V = Vec<T, Arch>;
  constexpr std::int64_t kL = kLanes<T, Arch>;
  for (std::int64_t r = 0; r < rows; r += kL)
    for (std::int64_t c = 0; c < columns; c += kL) {
      const std::int64_t row_count = std::min(kL, rows - r), column_count = std::min(kL, columns - c);
      const T* from = b + c * column_step + r;
      if (row_count < kL || column_count < kL) {
        for (std::int64_t i = 0; i < column_count; ++i)
          for (std::int64_t j = 0; j < row_count; ++j) packed[(r + j) * width + c + i] = from[i * column_step + j];
        continue;
      }
      V square[V::size];
      for (std::int64_t i = 0; i < kL; ++i) {
        prefetch(reinterpret_cast<std::uintptr_t>(from + i * column_step) + 3 * kL * sizeof(T));
        square[i] = load_all<V>(from + i * column_step);
      }
      transpose_square(square);
      for (std::int64_t j = 0; j < kL; ++j) store_all(packed + (r + j) * width + c, square[j]);
    }
}

}  // namespace detail

/// Writes a panel of `width` numbers per row: packed[r * width + c] = b[r * row_step + c * column_step], and zeros
/// for c >= columns. Rows or columns are neighbours in memory: one of the steps is 1.
template <class T, class Arch>
void pack_panel(std::int64_t rows, std::int64_t columns, const T* b, std::int64_t row_step, std::int64_t column_step,
                std::int64_t width, T* packed) {
  if (column_step == 1) {
    for (std::int64_t r = 0; r < rows; ++r) {
      prefetch(reinterpret_cast<std::uintptr_t>(b + r * row_step) +
               static_cast<std::uintptr_t>(12 * row_step) * sizeof(T));
      std::copy_n(b + r * row_step, columns, packed + r * width);
    }
  } else if constexpr (std::is_floating_point_v<T>) {
    detail::pack_transposed<T, Arch>(rows, columns, b, column_step, width, packed);
  } else {
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t c = 0; c < columns; ++c) packed[r * width + c] = b[r * row_step + c * column_step];
  }
  if (columns < width)
    for (std::int64_t r = 0; r < rows; ++r) std::fill(packed + r * width + columns, packed + (r + 1) * width, T{});
}

}  // namespace bitgrain::kernels
