#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/tensor/shape.hpp"

namespace bitgrain {

/// An owning, reference-counted, contiguous, row-major array. Copies, `reshape` and `slice` share the storage;
/// nothing else does. Memory comes from the pool, 64-byte aligned, uninitialised unless a value is given.
///
/// `data()` reads. `mutable_data()` writes and counts a new version of the storage: autograd compares versions, so
/// that overwriting a tensor which backward still needs is an error and not a wrong gradient.
template <class T>
class Tensor {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  using Scalar = T;

  /// No tensor: `defined()` is false.
  Tensor() = default;
  explicit Tensor(const Shape& shape) : storage_(std::make_shared<Storage>(shape.numel())), shape_(shape) {}
  Tensor(const Shape& shape, T value) : Tensor(shape) { fill(value); }
  /// Copies `values`; throws Error unless there are as many as `shape` holds.
  Tensor(const Shape& shape, std::span<const T> values) : Tensor(shape) {
    BITGRAIN_CHECK(static_cast<std::int64_t>(values.size()) == numel(), "a tensor of shape ", shape, " takes ",
                   numel(), " values, got ", values.size());
    std::copy(values.begin(), values.end(), storage_->data);
  }
  Tensor(const Shape& shape, std::initializer_list<T> values)
      : Tensor(shape, std::span<const T>(values.begin(), values.size())) {}

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  std::int64_t numel() const { return defined() ? shape_.numel() : 0; }

  const T* data() const { return storage_ ? storage_->data + offset_ : nullptr; }
  T* mutable_data() {
    if (!storage_) return nullptr;
    ++storage_->version;
    return storage_->data + offset_;
  }
  std::span<const T> values() const { return {data(), static_cast<std::size_t>(numel())}; }
  std::span<T> mutable_values() { return {mutable_data(), static_cast<std::size_t>(numel())}; }
  const T& operator[](std::int64_t i) const { return data()[i]; }

  /// The single element of a tensor of one element.
  T item() const {
    BITGRAIN_CHECK(numel() == 1, "item() needs a tensor of one element, this one has shape ", shape_);
    return data()[0];
  }

  void fill(T value) { std::fill_n(mutable_data(), numel(), value); }
  void copy_from(const Tensor& other) {
    BITGRAIN_CHECK(other.shape_ == shape_, "cannot copy a tensor of shape ", other.shape_, " into one of shape ",
                   shape_);
    if (numel() > 0) std::memmove(mutable_data(), other.data(), static_cast<std::size_t>(numel()) * sizeof(T));
  }
  /// A copy with storage of its own.
  Tensor clone() const {
    if (!defined()) return {};
    Tensor copy(shape_);
    copy.copy_from(*this);
    return copy;
  }
  /// The same elements, converted one by one.
  template <class U>
  Tensor<U> cast() const {
    if (!defined()) return {};
    Tensor<U> result(shape_);
    std::transform(data(), data() + numel(), result.mutable_data(), [](T v) { return static_cast<U>(v); });
    return result;
  }

  /// The same storage under another shape of as many elements. One extent may be -1: it is inferred.
  Tensor reshape(std::initializer_list<std::int64_t> extents) const {
    const auto unknown = std::count(extents.begin(), extents.end(), std::int64_t{-1});
    BITGRAIN_CHECK(unknown <= 1, "reshape can infer one extent, ", unknown, " are -1");
    Shape known;
    for (const std::int64_t e : extents) known.append(e == -1 ? 1 : e);
    const std::int64_t inferred = known.numel() > 0 ? numel() / known.numel() : 0;
    Shape shape;
    for (const std::int64_t e : extents) shape.append(e == -1 ? inferred : e);
    return reshape(shape);
  }
  Tensor reshape(const Shape& shape) const {
    BITGRAIN_CHECK(shape.numel() == numel(), "cannot reshape ", shape_, " (", numel(), " elements) to ", shape);
    Tensor view = *this;
    view.shape_ = shape;
    return view;
  }
  /// Rows [begin, end) of the leading dimension; shares storage.
  Tensor slice(std::int64_t begin, std::int64_t end) const {
    BITGRAIN_CHECK(shape_.rank() >= 1 && 0 <= begin && begin <= end && end <= shape_[0], "slice [", begin, ",", end,
                   ") of a tensor of shape ", shape_);
    Tensor view = *this;
    const std::int64_t row = shape_[0] > 0 ? numel() / shape_[0] : 0;
    view.shape_ = Shape{end - begin};
    for (int i = 1; i < shape_.rank(); ++i) view.shape_.append(shape_[i]);
    view.offset_ = offset_ + begin * row;
    return view;
  }

  /// How often the storage was opened for writing.
  std::uint64_t version() const { return storage_ ? storage_->version : 0; }
  /// Whether nobody else shares the storage, so that it may be overwritten.
  bool unique() const { return storage_.use_count() == 1; }

 private:
  struct Storage {
    explicit Storage(std::int64_t count)
        : bytes(static_cast<std::size_t>(count) * sizeof(T)),
          data(static_cast<T*>(MemoryPool::instance().allocate(bytes))) {}
    ~Storage() { MemoryPool::instance().deallocate(data, bytes); }
    Storage(const Storage&) = delete;
    Storage& operator=(const Storage&) = delete;
    std::size_t bytes;
    T* data;
    std::uint64_t version = 0;
  };

  std::shared_ptr<Storage> storage_;
  Shape shape_;
  std::int64_t offset_ = 0;
};

}  // namespace bitgrain
