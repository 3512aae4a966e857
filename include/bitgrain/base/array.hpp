#pragma once

/// An array whose length is known when it is made: 64-byte aligned, from the pool, or from the arena of the thread
/// that makes it (arena.hpp). In an arena that counts it has a length and no elements, and data() is null.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include "bitgrain/base/arena.hpp"
#include "bitgrain/base/memory.hpp"

namespace bitgrain {

template <class T>
class Array {
 public:
  using value_type = T;
  Array() = default;
  /// `count` elements T{}.
  explicit Array(std::size_t count) : Array(count, Unset{}) {
    if (data_ != nullptr) std::uninitialized_value_construct_n(data_, count);
  }
  /// `count` elements to be written before they are read.
  static Array unset(std::size_t count) {
    static_assert(std::is_trivially_copyable_v<T>);
    return Array(count, Unset{});
  }
  Array(const Array& other) : Array(other.size_, Unset{}) {
    if (data_ != nullptr) std::uninitialized_copy_n(other.data_, size_, data_);
  }
  Array(Array&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        pooled_(std::exchange(other.pooled_, false)) {}
  Array& operator=(Array other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(pooled_, other.pooled_);
    return *this;
  }
  ~Array() {
    if (data_ == nullptr) return;
    std::destroy_n(data_, size_);
    if (pooled_) MemoryPool::instance().deallocate(data_, size_ * sizeof(T));
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }

 private:
  static_assert(alignof(T) <= kAlignment);
  struct Unset {};
  Array(std::size_t count, Unset) : size_(count) {
    if (count == 0) return;
    Arena* const arena = detail::current_arena();
    pooled_ = arena == nullptr;
    data_ = static_cast<T*>(pooled_ ? MemoryPool::instance().allocate(count * sizeof(T))
                                    : arena->keep(std::uint64_t{count} * sizeof(T)));
  }

  T* data_ = nullptr;
  std::size_t size_ = 0;
  bool pooled_ = false;
};

}  // namespace bitgrain
