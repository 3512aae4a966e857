#pragma once

/// A block of a matrix product on one thread: some tiles of rows times some panels of columns, over a range of terms
/// of the inner dimension.
///
/// The range is cut into steps. Within one, a tile of A (14 x 512 floats, 28 KB) stays in the first-level cache while
/// panels of B pass by from the second level, and C is written along its rows. An operand is read where it stands, or
/// was packed for all blocks, or the block packs its part. The tiles of a step ask for what the next one reads or
/// packs: the memory of a tile is scattered, and the hardware foresees only what lies next to each other.

#include <algorithm>
#include <cstdint>

#include "bitgrain/kernels/f32/gemm_pack.hpp"
#include "bitgrain/kernels/f32/gemm_problem.hpp"
#include "bitgrain/kernels/f32/gemm_tile.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// The most terms of a step.
inline constexpr std::int64_t kGemmDepth = 512;

/// How an operand reaches the tiles.
enum class GemmOperand { in_place, packed_by_block, packed_for_all };

/// A range of tiles, panels or terms.
struct GemmRange {
  std::int64_t begin, end;
  std::int64_t size() const { return end - begin; }
};

/// An operand that was packed for all blocks: its tiles or panels `pieces`, for the terms that `multiply` is given.
template <class T>
struct PackedForAll {
  const T* data = nullptr;
  GemmRange pieces{};
};

/// A part of an operand that tiles ask for, one piece each.
template <class T>
struct FetchedPart {
  std::uintptr_t first = 0, step = 0, block = 0, piece = 0;  // in bytes; pieces begin `piece` apart
  std::int64_t pieces = 0;

  /// Rows of the memory are terms: a piece is two lines of each.
  static FetchedPart along_terms(const T* from, std::int64_t width, std::int64_t row) {
    return {address(from), bytes(row), 16 * bytes(row), 128, (width * kSize + 127) / 128};
  }
  /// Terms run along rows of the memory: a piece is 16 rows.
  static FetchedPart across_terms(const T* from, std::int64_t rows, std::int64_t row) {
    return {address(from), bytes(row), 16 * sizeof(T), 16 * bytes(row), (rows + 15) / 16};
  }
  /// Takes the next piece.
  FetchAhead take() {
    const FetchAhead fetch{first, step, block};
    first += piece;
    --pieces;
    return fetch;
  }

 private:
  static constexpr std::int64_t kSize = sizeof(T);
  static std::uintptr_t address(const T* p) { return reinterpret_cast<std::uintptr_t>(p); }
  static std::uintptr_t bytes(std::int64_t count) { return static_cast<std::uintptr_t>(count * kSize); }
};

/// A product cut for the tile, and how its operands are read.
template <class T, class Arch>
class GemmBlocks {
 public:
  static constexpr std::int64_t kL = kLanes<T, Arch>;
  static constexpr std::int64_t kWidth = kGemmTileVectors * kL;  ///< columns of a panel

  GemmBlocks(const GemmProblem<T>& problem, GemmOperand a, GemmOperand b)
      : p_(problem), tiles_(problem.m), a_(a), b_(b) {
    // Long operands in place whose rows are terms: as many terms as the first-level cache holds for the tiles of a
    // step, which then read memory front to back.
    constexpr std::int64_t kSize = sizeof(T), kSecondLevel = 1 << 19, kFirstLevel = 1 << 15;
    const std::int64_t row = (a_along_terms() ? p_.m : 0) + (b_ == GemmOperand::in_place ? p_.n : 0);
    if (row * p_.k * kSize > kSecondLevel) {
      most_terms_ = std::clamp<std::int64_t>(kFirstLevel / (row * kSize), 64, kGemmDepth);
      fetch_a_ = a_along_terms();
      fetch_b_ = b_ == GemmOperand::in_place;
    }
    if (a_ == GemmOperand::packed_by_block) fetch_a_ = p_.m * p_.k * kSize > kSecondLevel;
    if (b_ == GemmOperand::packed_by_block) fetch_b_ = p_.k * p_.n * kSize > kSecondLevel;
    fetch_tiles_ = a_ == GemmOperand::in_place && !a_along_terms() && p_.m * p_.k * kSize > kSecondLevel;
  }

  std::int64_t tiles() const { return tiles_.count(); }
  std::int64_t panels() const { return (p_.n + kWidth - 1) / kWidth; }
  GemmRange all_tiles() const { return {0, tiles()}; }
  GemmRange all_panels() const { return {0, panels()}; }
  /// Numbers per term of packed tiles or panels.
  std::int64_t packed_rows(const GemmRange& tiles) const { return place_of(tiles.end) - place_of(tiles.begin); }
  std::int64_t packed_columns(const GemmRange& panels) const { return (columns_of(panels) + kL - 1) / kL * kL; }
  /// The terms of a step, but for the last one of a range.
  std::int64_t depth_of(const GemmRange& terms) const {
    const std::int64_t steps = (terms.size() + most_terms_ - 1) / most_terms_;
    return (terms.size() + steps - 1) / steps;
  }

  /// Packs tiles of A, or panels of B, for all steps of `terms`; step by step. Only the pieces `mine` of `all`, so
  /// that threads can share the work.
  void pack_a(const GemmRange& all, const GemmRange& mine, const GemmRange& terms, T* packed) const {
    const std::int64_t full = depth_of(terms), width = packed_rows(all);
    for (std::int64_t first = terms.begin; first < terms.end; first += full) {
      const std::int64_t depth = std::min(full, terms.end - first);
      T* to = packed + (first - terms.begin) * width + (place_of(mine.begin) - place_of(all.begin)) * depth;
      for (std::int64_t i = mine.begin; i < mine.end; ++i) {
        const auto tile = tiles_[i];
        const T* from = p_.a + tile.first * p_.a_row + first * p_.a_step;
        if (p_.a_row == 1)
          pack_with_grain<T, Arch>(depth, tile.rows, from, p_.a_step, tile.rows, to);
        else
          pack_against_grain<T, Arch>(depth, tile.rows, from, p_.a_row, tile.rows, to);
        to += tile.rows * depth;
      }
    }
  }
  void pack_b(const GemmRange& all, const GemmRange& mine, const GemmRange& terms, T* packed) const {
    const std::int64_t full = depth_of(terms), width = packed_columns(all);
    for (std::int64_t first = terms.begin; first < terms.end; first += full) {
      const std::int64_t depth = std::min(full, terms.end - first);
      T* to = packed + (first - terms.begin) * width + (mine.begin - all.begin) * kWidth * depth;
      const T* from = p_.b + first * p_.b_step + mine.begin * kWidth * p_.b_column;
      if (p_.b_column == 1) {
        pack_panels<T, Arch>(depth, columns_of(mine), from, p_.b_step, to);
        continue;
      }
      for (std::int64_t j = mine.begin; j < mine.end; ++j, from += kWidth * p_.b_column, to += kWidth * depth) {
        const std::int64_t columns = columns_of({j, j + 1});
        pack_against_grain<T, Arch>(depth, columns, from, p_.b_column, (columns + kL - 1) / kL * kL, to);
      }
    }
  }

  /// Computes C of `tiles` x `panels` from `terms`, with `beta` for what C holds.
  void multiply(const GemmRange& tiles, const GemmRange& panels, const GemmRange& terms, T beta,
                const PackedForAll<T>& packed = {}) const {
    if (tiles.size() == 0 || panels.size() == 0) return;
    GemmBuffer<T> a_buffer, b_buffer;
    const std::int64_t full = depth_of(terms);
    T* own_a = nullptr;
    T* own_b = nullptr;
    if (a_ == GemmOperand::packed_by_block) own_a = a_buffer.get(full * packed_rows(tiles));
    if (b_ == GemmOperand::packed_by_block) own_b = b_buffer.get(full * packed_columns(panels));
    for (std::int64_t first = terms.begin; first < terms.end; first += full, beta = T(1)) {
      const GemmRange now{first, std::min(first + full, terms.end)};
      const std::int64_t depth = now.size();
      if (own_a) pack_a(tiles, tiles, now, own_a);
      if (own_b) pack_b(panels, panels, now, own_b);
      const T* a = own_a;
      if (a_ == GemmOperand::packed_for_all)
        a = packed.data + (first - terms.begin) * packed_rows(packed.pieces) +
            (place_of(tiles.begin) - place_of(packed.pieces.begin)) * depth;
      const T* b = own_b;
      if (b_ == GemmOperand::packed_for_all)
        b = packed.data + (first - terms.begin) * packed_columns(packed.pieces) +
            (panels.begin - packed.pieces.begin) * kWidth * depth;
      // What is read next: more terms; or, as a guess, the block beside this one.
      const bool more = now.end < terms.end;
      const std::int64_t next = more ? now.end : terms.begin;
      multiply_step(tiles, panels, now, beta, a, b, stored_a(more ? tiles : beside(tiles, this->tiles()), next),
                    stored_b(more ? panels : beside(panels, this->panels()), next));
    }
  }

 private:
  // One step. Packed operands begin at a and b; in place, these are not used. Meanwhile, next_a and next_b are
  // fetched.
  void multiply_step(const GemmRange& tiles, const GemmRange& panels, const GemmRange& terms, T beta, const T* a,
                     const T* b, FetchedPart<T> next_a, FetchedPart<T> next_b) const {
    const std::int64_t depth = terms.size();
    const bool a_in_place = a_ == GemmOperand::in_place, b_in_place = b_ == GemmOperand::in_place;
    FetchedPart<T> next_tile;
    GemmTile<T> t{};
    t.depth = depth;
    t.ldc = p_.ldc;
    t.alpha = p_.alpha;
    t.beta = beta;
    t.a_row = a_in_place ? p_.a_row : 1;
    for (std::int64_t i = tiles.begin; i < tiles.end; ++i) {
      const auto tile = tiles_[i];
      t.skip = tile.skip;
      if (a_in_place) {
        t.a = p_.a + tile.first * p_.a_row + terms.begin * p_.a_step;
        t.a_step = p_.a_step;
        if (fetch_tiles_ && i + 1 < tiles_.count())
          next_tile = FetchedPart<T>::across_terms(t.a + tile.rows * p_.a_row, tile.rows, p_.a_row);
      } else {
        t.a = a;
        t.a_step = tile.rows;
        a += tile.rows * depth;
      }
      for (std::int64_t j = panels.begin; j < panels.end; ++j) {
        t.columns = columns_of({j, j + 1});
        const int vectors = t.columns > kL ? 2 : 1;
        if (b_in_place) {
          t.b = p_.b + terms.begin * p_.b_step + j * kWidth;
          t.b_step = p_.b_step;
        } else {
          t.b = b + (j - panels.begin) * kWidth * depth;
          t.b_step = vectors * kL;
        }
        t.c = p_.c + tile.first * p_.ldc + j * kWidth;
        t.fetch = {reinterpret_cast<std::uintptr_t>(t.b)};
        for (FetchedPart<T>* part : {&next_tile, &next_a, &next_b})
          if (part->pieces > 0) {
            t.fetch = part->take();
            break;
          }
        gemm_tile<T, Arch>(tile.rows, vectors, t);
      }
    }
  }

  // Where the stored matrices hold tiles or panels from a term on: to be fetched ahead, if that pays.
  FetchedPart<T> stored_a(const GemmRange& tiles, std::int64_t term) const {
    if (!fetch_a_ || tiles.size() == 0) return {};
    const T* first = p_.a + tiles_[tiles.begin].first * p_.a_row + term * p_.a_step;
    return p_.a_row == 1 ? FetchedPart<T>::along_terms(first, packed_rows(tiles), p_.a_step)
                         : FetchedPart<T>::across_terms(first, packed_rows(tiles), p_.a_row);
  }
  FetchedPart<T> stored_b(const GemmRange& panels, std::int64_t term) const {
    if (!fetch_b_ || panels.size() == 0) return {};
    const T* first = p_.b + panels.begin * kWidth * p_.b_column + term * p_.b_step;
    return p_.b_column == 1 ? FetchedPart<T>::along_terms(first, columns_of(panels), p_.b_step)
                            : FetchedPart<T>::across_terms(first, columns_of(panels), p_.b_column);
  }
  static GemmRange beside(const GemmRange& pieces, std::int64_t count) {
    return {pieces.end, std::min(pieces.end + pieces.size(), count)};
  }

  bool a_along_terms() const { return a_ == GemmOperand::in_place && p_.a_row == 1; }
  std::int64_t place_of(std::int64_t tile) const { return tiles_.place(tile); }
  std::int64_t columns_of(const GemmRange& panels) const {
    return std::min(p_.n, panels.end * kWidth) - panels.begin * kWidth;
  }

  GemmProblem<T> p_;
  RowTiles<T, Arch> tiles_;
  GemmOperand a_, b_;
  std::int64_t most_terms_ = kGemmDepth;
  bool fetch_a_ = false, fetch_b_ = false, fetch_tiles_ = false;
};

}  // namespace bitgrain::kernels
