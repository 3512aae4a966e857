#pragma once

/// A caller's memory instead of the heap, for programs that have none.
///
/// While an ArenaScope lives, Scratch (memory.hpp) and Array (array.hpp) of its thread take their memory from the
/// arena: arrays from the bottom, kept until the arena goes; scratch buffers from the top, given back in the reverse
/// order. An arena without memory counts: it hands out null pointers, and whoever can stand these learns from the
/// same code how many bytes it will need.

#include <cstddef>
#include <cstdint>

#include "bitgrain/base/check.hpp"

namespace bitgrain {

inline constexpr std::size_t kAlignment = 64;  ///< of all blocks: a cache line, an AVX-512 vector

class Arena {
 public:
  /// Counts only.
  Arena() : counts_(true) {}
  /// Hands out the bytes at `memory`, which may lie anywhere: up to 63 of them are lost to alignment.
  Arena(void* memory, std::size_t bytes) {
    const std::size_t skip = (kAlignment - reinterpret_cast<std::uintptr_t>(memory) % kAlignment) % kAlignment;
    begin_ = static_cast<unsigned char*>(memory) + (skip < bytes ? skip : bytes);
    size_ = skip < bytes ? (bytes - skip) / kAlignment * kAlignment : 0;
  }
  /// Counts on from what this arena has handed out.
  Arena counting() const {
    Arena arena;
    arena.kept_ = arena.peak_ = kept_;
    return arena;
  }

  bool counts() const { return counts_; }
  std::uint64_t kept() const { return kept_; }  ///< bytes of arrays
  std::uint64_t peak() const { return peak_; }  ///< most bytes in use at one time
  std::uint64_t room() const { return size_ - kept_ - scratch_; }

  /// Bytes that a block takes.
  static constexpr std::uint64_t rounded(std::uint64_t bytes) {
    return (bytes + kAlignment - 1) / kAlignment * kAlignment;
  }
  /// A block for good.
  void* keep(std::uint64_t bytes) {
    const std::uint64_t at = kept_;
    take(kept_, bytes);
    return counts_ ? nullptr : begin_ + at;
  }
  /// A block until give_back(bytes), which happens in the reverse order.
  void* lend(std::uint64_t bytes) {
    take(scratch_, bytes);
    return counts_ ? nullptr : begin_ + (size_ - scratch_);
  }
  void give_back(std::uint64_t bytes) { scratch_ -= rounded(bytes); }

 private:
  void take(std::uint64_t& part, std::uint64_t bytes) {
    BITGRAIN_CHECK(counts_ || rounded(bytes) <= room(), "an arena of ", size_, " bytes has ", room(),
                   " left, but a block of ", bytes, " was asked for");
    part += rounded(bytes);
    if (kept_ + scratch_ > peak_) peak_ = kept_ + scratch_;
  }

  bool counts_ = false;
  unsigned char* begin_ = nullptr;
  std::uint64_t size_ = 0, kept_ = 0, scratch_ = 0, peak_ = 0;
};

namespace detail {
/// The arena of the calling thread, or null: then memory comes from the pool.
inline Arena*& current_arena() {
#if defined(BITGRAIN_NO_HEAP) || defined(BITGRAIN_KERNEL_SET)  // neither has threads that use arenas
  static Arena* arena = nullptr;
#else
  thread_local Arena* arena = nullptr;
#endif
  return arena;
}
}  // namespace detail

/// Makes an arena that of the calling thread.
class ArenaScope {
 public:
  explicit ArenaScope(Arena& arena) : outer_(detail::current_arena()) { detail::current_arena() = &arena; }
  ~ArenaScope() { detail::current_arena() = outer_; }
  ArenaScope(const ArenaScope&) = delete;
  ArenaScope& operator=(const ArenaScope&) = delete;

 private:
  Arena* outer_;
};

}  // namespace bitgrain
