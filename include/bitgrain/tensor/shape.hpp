#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <string>

#include "bitgrain/base/check.hpp"

namespace bitgrain {

/// The extents of a tensor, outermost first, rank 0 to 6. Images are [N,H,W,C], convolution weights [O,Kh,Kw,I].
class Shape {
 public:
  static constexpr int kMaxRank = 6;
  /// More than any memory holds, and small enough that sizes in bytes fit 64 bits.
  static constexpr std::int64_t kMaxElements = std::int64_t{1} << 48;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> extents) {
    for (const std::int64_t extent : extents) append(extent);
  }

  int rank() const { return rank_; }
  /// Extent of dimension `i`; negative counts from the end.
  std::int64_t operator[](int i) const {
    const int at = i < 0 ? i + rank_ : i;
    BITGRAIN_CHECK(at >= 0 && at < rank_, "dimension ", i, " asked of shape ", to_string());
    return extents_[static_cast<std::size_t>(at)];
  }
  /// Number of elements; 1 for rank 0.
  std::int64_t numel() const {
    std::int64_t n = 1;
    for (int i = 0; i < rank_; ++i) n *= extents_[static_cast<std::size_t>(i)];
    return n;
  }
  void append(std::int64_t extent) {
    BITGRAIN_CHECK(rank_ < kMaxRank, "tensors have at most ", kMaxRank, " dimensions");
    BITGRAIN_CHECK(extent >= 0, "a dimension must not be negative, got ", extent);
    const std::int64_t count = numel();
    BITGRAIN_CHECK(extent == 0 || count <= kMaxElements / extent, "a tensor of ", to_string(), " x ", extent,
                   " would have more than ", kMaxElements, " elements");
    extents_[static_cast<std::size_t>(rank_++)] = extent;
  }
  friend bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i)
      if (a[i] != b[i]) return false;
    return true;
  }
  std::string to_string() const {
    std::string text = "[";
    for (int i = 0; i < rank_; ++i) {
      if (i > 0) text += ',';
      text += std::to_string(extents_[static_cast<std::size_t>(i)]);
    }
    return text + "]";
  }
  friend std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.to_string(); }

 private:
  std::array<std::int64_t, kMaxRank> extents_{};
  int rank_ = 0;
};

}  // namespace bitgrain
