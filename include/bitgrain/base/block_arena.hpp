#pragma once

/// Large blocks of memory, cut from chunks of system memory and joined again when they are given back.
///
/// The tensors of a training step come in a few sizes that live at different times: what the last layers of a network
/// held becomes the gradients of the first ones. Free lists per size would keep memory for the largest need of every
/// size; here a request takes the smallest free piece that is large enough, and neighbours that are free become one
/// piece. All sizes are multiples of 64 bytes; the records of pieces are kept apart from the memory, so pieces of
/// 2^k bytes fit each other exactly.

#include <algorithm>
#include <cstddef>
#include <new>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace bitgrain::detail {

/// The size of a huge page, and the alignment of chunks: Linux is asked to back them with such pages. A step streams
/// through hundreds of megabytes, and with pages of 4 KiB it waits for the translation of their addresses.
inline constexpr std::size_t kHugePage = std::size_t{1} << 21;

/// Not thread-safe: the pool locks.
class BlockArena {
 public:
  /// A piece of `size` bytes, or null if no free one is large enough.
  void* take(std::size_t size) {
    pieces_.reserve(pieces_.size() + 1);
    auto best = pieces_.end();
    for (auto piece = pieces_.begin(); piece != pieces_.end(); ++piece)
      if (piece->free && piece->size >= size && (best == pieces_.end() || piece->size < best->size)) best = piece;
    if (best == pieces_.end()) return nullptr;
    std::byte* const begin = best->begin;
    const std::size_t rest = best->size - size;
    best->size = size;
    best->free = false;
    if (rest > 0) pieces_.insert(std::next(best), Piece{begin + size, rest, true, false});
    free_bytes_ -= size;
    return begin;
  }

  /// Gets a chunk from the system in which a piece of `size` bytes fits. False if the system refuses.
  bool grow(std::size_t size) {
    // As much as there is already, within limits: few chunks, and untouched memory costs nothing.
    std::size_t bytes = std::max(size, std::clamp(total_, kSmallestChunk, kLargestChunk));
    bytes = (bytes + kHugePage - 1) / kHugePage * kHugePage;
    auto* const begin = static_cast<std::byte*>(::operator new (bytes, std::align_val_t{kHugePage}, std::nothrow));
    if (begin == nullptr) return false;
#if defined(__linux__)
    madvise(begin, bytes, MADV_HUGEPAGE);  // advice: may fail
#endif
    const auto after = std::find_if(pieces_.begin(), pieces_.end(), [&](const Piece& p) { return p.begin > begin; });
    pieces_.insert(after, Piece{begin, bytes, true, true});
    total_ += bytes;
    free_bytes_ += bytes;
    return true;
  }

  /// Gives a piece back. Needs no memory, so it cannot fail.
  void give_back(void* block) noexcept {
    auto piece = std::lower_bound(pieces_.begin(), pieces_.end(), static_cast<std::byte*>(block),
                                  [](const Piece& p, const std::byte* at) { return p.begin < at; });
    piece->free = true;
    free_bytes_ += piece->size;
    const auto join = [this](auto first, auto second) {
      if (!first->free || !second->free || second->starts_chunk) return;
      first->size += second->size;
      pieces_.erase(second);
    };
    if (std::next(piece) != pieces_.end()) join(piece, std::next(piece));
    if (piece != pieces_.begin()) join(std::prev(piece), piece);
  }

  /// Returns every chunk to the system of which nothing is in use.
  void release() noexcept {
    for (auto piece = pieces_.begin(); piece != pieces_.end();) {
      const auto next = std::next(piece);
      if (piece->starts_chunk && piece->free && (next == pieces_.end() || next->starts_chunk)) {
        total_ -= piece->size;
        free_bytes_ -= piece->size;
        ::operator delete (piece->begin, std::align_val_t{kHugePage});
        piece = pieces_.erase(piece);
      } else {
        ++piece;
      }
    }
  }

  std::size_t free_bytes() const { return free_bytes_; }

 private:
  static constexpr std::size_t kSmallestChunk = 2 * kHugePage, kLargestChunk = 32 * kHugePage;

  struct Piece {
    std::byte* begin;
    std::size_t size;
    bool free, starts_chunk;
  };

  std::vector<Piece> pieces_;  // by address; the pieces of a chunk leave no gap
  std::size_t total_ = 0, free_bytes_ = 0;
};

}  // namespace bitgrain::detail
