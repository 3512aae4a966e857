#pragma once

/// The caching memory pool behind every tensor.
///
/// Page faults of freshly mapped memory cost a training step a quarter of its time, so freed blocks are kept and
/// handed out again: a training step, which asks for the same sizes again and again, reaches the system no more after
/// its first rounds. Blocks are aligned to 64 bytes (a cache line, an AVX-512 vector).
///
/// Small blocks are kept in free lists. Their sizes are rounded up to a quarter of an octave (2^k * {1, 1.25, 1.5,
/// 1.75}), so at most a fifth of a block is wasted. Blocks of 1 MiB and more are cut from an arena
/// (base/block_arena.hpp), where memory can change from one size to another.
///
/// Under AddressSanitizer nothing is cached: a cached block would hide uses after free.
///
/// A program that defines BITGRAIN_NO_HEAP has no pool: whoever asks for memory outside of an arena (arena.hpp) is
/// told so. It has no threads either.

#include <cstddef>

#include "bitgrain/base/arena.hpp"
#include "bitgrain/base/check.hpp"

#if !defined(BITGRAIN_NO_HEAP)
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <mutex>
#include <new>
#include <utility>

#include "bitgrain/base/block_arena.hpp"
#include "bitgrain/base/process_state.hpp"
#endif

#if defined(__SANITIZE_ADDRESS__)
#define BITGRAIN_POOL_CACHES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BITGRAIN_POOL_CACHES 0
#endif
#endif
#ifndef BITGRAIN_POOL_CACHES
#define BITGRAIN_POOL_CACHES 1
#endif

namespace bitgrain {

#if defined(BITGRAIN_NO_HEAP)

class MemoryPool {
 public:
  static MemoryPool& instance() {
    static MemoryPool none;
    return none;
  }
  [[noreturn]] void* allocate(std::size_t bytes) {
    fail("a program without a heap asked for ", bytes, " bytes outside of an arena");
  }
  void deallocate(void*, std::size_t) noexcept {}
};

#else

/// The smallest size of blocks that are cut from the arena.
inline constexpr std::size_t kArenaBlock = std::size_t{1} << 20;

/// What the pool did since the program started.
struct MemoryStats {
  std::uint64_t requests = 0;            ///< blocks handed out
  std::uint64_t system_allocations = 0;  ///< of these, how many had to ask the system
  std::size_t bytes_in_use = 0;          ///< handed out and not yet given back
  std::size_t bytes_peak = 0;            ///< largest bytes_in_use so far
  std::size_t bytes_cached = 0;          ///< given back and kept for the next request
};

/// Thread-safe. One per process: `MemoryPool::instance()`.
class MemoryPool {
 public:
  static MemoryPool& instance() {
#if defined(BITGRAIN_KERNEL_SET)
    return *detail::process_state().memory_pool;
#else
    static MemoryPool* pool = new MemoryPool;  // never destroyed: tensors of static storage may outlive main
    return *pool;
#endif
  }

  /// A block of at least `bytes` bytes, 64-byte aligned, contents undefined.
  void* allocate(std::size_t bytes) {
    BITGRAIN_CHECK(bytes <= (std::size_t{1} << 48), "a block of ", bytes, " bytes was asked for");
    const std::size_t size = rounded(bytes);
    const std::scoped_lock lock(mutex_);
    void* block = from_cache(size);
    if (block == nullptr) {
      ++stats_.system_allocations;
      block = from_system(size);
      if (block == nullptr) {
        release();
        block = from_system(size);
      }
      BITGRAIN_CHECK(block != nullptr, "out of memory: the system refused a block of ", size, " bytes");
    }
    ++stats_.requests;
    stats_.bytes_in_use += size;
    stats_.bytes_peak = std::max(stats_.bytes_peak, stats_.bytes_in_use);
    return block;
  }

  /// Gives back a block of `allocate(bytes)`.
  void deallocate(void* block, std::size_t bytes) noexcept {
    const std::size_t size = rounded(bytes);
    const std::scoped_lock lock(mutex_);
    stats_.bytes_in_use -= size;
#if BITGRAIN_POOL_CACHES
    if (size >= kArenaBlock) return arena_.give_back(block);
    FreeBlock*& list = free_[class_of(size)];
    list = ::new (block) FreeBlock{list};
    listed_ += size;
#else
    ::operator delete (block, std::align_val_t{kAlignment});
#endif
  }

  MemoryStats stats() const {
    const std::scoped_lock lock(mutex_);
    MemoryStats stats = stats_;
    stats.bytes_cached = listed_ + arena_.free_bytes();
    return stats;
  }

  /// Returns what is cached to the system: every block of the free lists, and the chunks of the arena of which
  /// nothing is in use.
  void release_cached() {
    const std::scoped_lock lock(mutex_);
    release();
  }

 private:
  // A free block holds the link to the next one of its size: giving back needs no memory, so it cannot fail.
  struct FreeBlock {
    FreeBlock* next;
  };

  MemoryPool() = default;

  static std::size_t rounded(std::size_t bytes) noexcept {
    if (bytes < kArenaBlock) return class_size(class_of(bytes));
    return (bytes + kAlignment - 1) / kAlignment * kAlignment;
  }
  // Null if nothing fits.
  void* from_cache(std::size_t size) {
    if (size >= kArenaBlock) return arena_.take(size);
    FreeBlock* const block = free_[class_of(size)];
    if (block == nullptr) return nullptr;
    free_[class_of(size)] = block->next;
    listed_ -= size;
    return block;
  }
  // Null if the system refuses.
  void* from_system(std::size_t size) {
    if (BITGRAIN_POOL_CACHES && size >= kArenaBlock) return arena_.grow(size) ? arena_.take(size) : nullptr;
    return ::operator new (size, std::align_val_t{kAlignment}, std::nothrow);
  }
  void release() noexcept {
    for (FreeBlock*& list : free_)
      while (list != nullptr) ::operator delete (std::exchange(list, list->next), std::align_val_t{kAlignment});
    listed_ = 0;
    arena_.release();
  }

  // Class 4e + q holds blocks of 2^e * (4 + q) / 4 * 64 bytes.
  static std::size_t class_of(std::size_t bytes) noexcept {
    const std::size_t lines = bytes <= kAlignment ? 1 : (bytes + kAlignment - 1) / kAlignment;
    const auto octave = static_cast<std::size_t>(std::bit_width(lines) - 1);
    const std::size_t above = lines - (std::size_t{1} << octave);
    // Rounded up; 4 quarters are the next octave.
    const std::size_t quarter =
        octave >= 2 ? (above + (std::size_t{1} << (octave - 2)) - 1) >> (octave - 2) : above << (2 - octave);
    return 4 * octave + quarter;
  }
  static std::size_t class_size(std::size_t index) noexcept {
    return ((std::size_t{1} << (index / 4)) * (4 + index % 4) + 3) / 4 * kAlignment;
  }

  mutable std::mutex mutex_;
  MemoryStats stats_;
  detail::BlockArena arena_;
  std::array<FreeBlock*, 4 * 15> free_{};  // classes below kArenaBlock
  std::size_t listed_ = 0;                 // bytes in free_
};

#endif

/// A scratch buffer of `count` elements from the pool, or from the arena of the calling thread, if it has one (then
/// buffers must go in the reverse order of their making); contents undefined. Kernels use it for packing.
template <class T>
class Scratch {
 public:
  explicit Scratch(std::size_t count)
      : bytes_(count * sizeof(T)),
        arena_(detail::current_arena()),
        data_(static_cast<T*>(arena_ != nullptr ? arena_->lend(bytes_) : MemoryPool::instance().allocate(bytes_))) {}
  ~Scratch() {
    if (arena_ != nullptr)
      arena_->give_back(bytes_);
    else
      MemoryPool::instance().deallocate(data_, bytes_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  T* data() const { return data_; }
  T& operator[](std::size_t i) const { return data_[i]; }

 private:
  std::size_t bytes_;
  Arena* arena_;
  T* data_;
};

}  // namespace bitgrain
