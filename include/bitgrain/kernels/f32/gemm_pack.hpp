#pragma once

/// Packing for the tile of gemm_tile.hpp: A tile by tile, B by panels of two vectors of columns, so that a tile reads
/// both front to back. One format serves both: for every k, `width` numbers (rows of a tile of A, columns of a panel
/// of B) stand next to each other.
///
///     A, 14 rows:    [a0,0 a1,0 ... a13,0]  [a0,1 a1,1 ... a13,1] ...     B, 32 columns:  [b0,0 b0,1 ... b0,31]
///     [b1,0 ... b1,31] ...
///
/// A matrix that stands with the grain (k as its slow direction) is copied row by row; against the grain, squares of
/// vectors are transposed in registers.

#include <algorithm>
#include <cstdint>

#include "bitgrain/kernels/simd.hpp"
#include "bitgrain/kernels/transpose.hpp"

namespace bitgrain::kernels {

/// packed[k * width + i] = from[k * step + i] for k < depth, i < count; zeros for i = count .. width - 1.
template <class T, class Arch>
void pack_with_grain(std::int64_t depth, std::int64_t count, const T* from, std::int64_t step, std::int64_t width,
                     T* packed) {
  using V = Vec<T, Arch>;
  constexpr std::int64_t kL = kLanes<T, Arch>;
  for (std::int64_t k = 0; k < depth; ++k, from += step, packed += width)
    for (std::int64_t i = 0; i < width; i += kL) {
      const std::int64_t there = std::clamp<std::int64_t>(count - i, 0, kL), room = std::min(width - i, kL);
      const V v = there == kL ? load_all<V>(from + i) : load_first<V>(from + i, there);
      if (room == kL)
        store_all(packed + i, v);
      else
        store_first(packed + i, room, v);
    }
}

/// Packs panels of two vectors, all at once so that rows of B are read in long runs: panel j stands at
/// packed + j * depth * 2 lanes. The last one is as wide as the vectors that its columns need.
template <class T, class Arch>
void pack_panels(std::int64_t depth, std::int64_t columns, const T* from, std::int64_t step, T* packed) {
  using V = Vec<T, Arch>;
  constexpr std::int64_t kL = kLanes<T, Arch>, kWidth = 2 * kL;
  const std::int64_t whole = columns / kWidth * kWidth;
  for (std::int64_t k = 0; k < depth; ++k) {
    const T* row = from + k * step;
    T* to = packed + k * kWidth;
    for (std::int64_t j = 0; j < whole; j += kWidth, to += kWidth * depth) {
      store_all(to, load_all<V>(row + j));
      store_all(to + kL, load_all<V>(row + j + kL));
    }
  }
  if (whole < columns)
    pack_with_grain<T, Arch>(depth, columns - whole, from + whole, step, (columns - whole + kL - 1) / kL * kL,
                             packed + whole * depth);
}

/// packed[k * width + i] = from[i * row + k] for k < depth, i < count; zeros for i = count .. width - 1.
template <class T, class Arch>
void pack_against_grain(std::int64_t depth, std::int64_t count, const T* from, std::int64_t row, std::int64_t width,
                        T* packed) {
  using V = Vec<T, Arch>;
  constexpr std::int64_t kL = kLanes<T, Arch>;
  constexpr std::uintptr_t kAhead = 256;  // bytes
  for (std::int64_t i = 0; i < width; i += kL) {
    const std::int64_t there = std::clamp<std::int64_t>(count - i, 0, kL), room = std::min(width - i, kL);
    for (std::int64_t k = 0; k < depth; k += kL) {
      const std::int64_t steps = std::min(depth - k, kL);
      V square[kL];
      if (steps == kL && there == kL) {
#pragma GCC unroll 16
        for (std::int64_t r = 0; r < kL; ++r) {
          square[r] = load_all<V>(from + (i + r) * row + k);
          prefetch(reinterpret_cast<std::uintptr_t>(from + (i + r) * row + k) +
                   kAhead);  // too many streams to foresee
        }
      } else {
        for (std::int64_t r = 0; r < kL; ++r)
          square[r] = r < there ? load_first<V>(from + (i + r) * row + k, steps) : V(T(0));
      }
      transpose_square(square);
      T* to = packed + k * width + i;
      if (steps == kL && room == kL) {
#pragma GCC unroll 16
        for (std::int64_t s = 0; s < kL; ++s) store_all(to + s * width, square[s]);
      } else {
        for (std::int64_t s = 0; s < steps; ++s) store_first(to + s * width, room, square[s]);
      }
    }
  }
}

}  // namespace bitgrain::kernels
