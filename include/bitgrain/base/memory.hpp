#pragma once

/// The caching memory pool behind every tensor.
///
/// Page faults of freshly mapped memory cost a training step a quarter of its time, so freed blocks are kept in
/// free lists and handed out again. Sizes are rounded up to a quarter of an octave (2^k * {1, 1.25, 1.5, 1.75}), so
/// at most a fifth of a block is wasted and a training step, which asks for the same sizes again and again, reaches
/// the system no more after its first rounds. Blocks are aligned to 64 bytes (a cache line, an AVX-512 vector).
///
/// Blocks of 2 MiB and more are aligned to that, and Linux is asked to back them with huge pages: a step streams
/// through hundreds of megabytes, and with pages of 4 KiB it waits for the translation of their addresses.
///
/// Under AddressSanitizer nothing is cached: a cached block would hide uses after free.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>
#include <utility>

#include "bitgrain/base/check.hpp"
#include "bitgrain/base/process_state.hpp"

#if defined(__linux__)
#include <sys/mman.h>
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

inline constexpr std::size_t kAlignment = 64;
/// The size of a huge page; the alignment of blocks that are at least as large.
inline constexpr std::size_t kHugePage = std::size_t{1} << 21;

/// What the pool did since the program started.
struct MemoryStats {
  std::uint64_t requests = 0;            ///< blocks handed out
  std::uint64_t system_allocations = 0;  ///< of these, how many had to come from the system
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
    const std::size_t index = class_of(bytes);
    const std::size_t size = class_size(index);
    {
      const std::scoped_lock lock(mutex_);
      ++stats_.requests;
      stats_.bytes_in_use += size;
      if (stats_.bytes_in_use > stats_.bytes_peak) stats_.bytes_peak = stats_.bytes_in_use;
      if (FreeBlock* block = free_[index]) {
        free_[index] = block->next;
        stats_.bytes_cached -= size;
        return block;
      }
      ++stats_.system_allocations;
    }
    void* block = from_system(size);
    if (block == nullptr) {
      release_cached();
      block = from_system(size);
    }
    if (block == nullptr) {
      const std::scoped_lock lock(mutex_);
      stats_.bytes_in_use -= size;
    }
    BITGRAIN_CHECK(block != nullptr, "out of memory: the system refused a block of ", size, " bytes");
    return block;
  }

  /// Gives back a block of `allocate(bytes)`.
  void deallocate(void* block, std::size_t bytes) noexcept {
    const std::size_t index = class_of(bytes);
    const std::size_t size = class_size(index);
    const std::scoped_lock lock(mutex_);
    stats_.bytes_in_use -= size;
#if BITGRAIN_POOL_CACHES
    free_[index] = ::new (block) FreeBlock{free_[index]};
    stats_.bytes_cached += size;
#else
    ::operator delete(block, alignment_of(size));
#endif
  }

  MemoryStats stats() const {
    const std::scoped_lock lock(mutex_);
    return stats_;
  }

  /// Returns every cached block to the system.
  void release_cached() {
    const std::scoped_lock lock(mutex_);
    for (std::size_t index = 0; index < free_.size(); ++index) {
      FreeBlock*& list = free_[index];
      while (list != nullptr) ::operator delete(std::exchange(list, list->next), alignment_of(class_size(index)));
    }
    stats_.bytes_cached = 0;
  }

 private:
  // A free block holds the link to the next one of its size: giving back needs no memory, so it cannot fail.
  struct FreeBlock {
    FreeBlock* next;
  };

  MemoryPool() = default;

  static std::align_val_t alignment_of(std::size_t size) noexcept {
    return std::align_val_t{size >= kHugePage ? kHugePage : kAlignment};
  }
  // Null if the system refuses.
  static void* from_system(std::size_t size) noexcept {
    void* block = ::operator new(size, alignment_of(size), std::nothrow);
#if defined(__linux__)
    if (block != nullptr && size >= kHugePage) madvise(block, size, MADV_HUGEPAGE);  // advice: may fail
#endif
    return block;
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
  std::array<FreeBlock*, 200> free_{};
};

/// A scratch buffer of `count` elements from the pool; contents undefined. Kernels use it for packing.
template <class T>
class Scratch {
 public:
  explicit Scratch(std::size_t count)
      : bytes_(count * sizeof(T)), data_(static_cast<T*>(MemoryPool::instance().allocate(bytes_))) {}
  ~Scratch() { MemoryPool::instance().deallocate(data_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  T* data() const { return data_; }
  T& operator[](std::size_t i) const { return data_[i]; }

 private:
  std::size_t bytes_;
  T* data_;
};

}  // namespace bitgrain
