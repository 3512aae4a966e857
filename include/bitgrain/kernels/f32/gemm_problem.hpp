#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "bitgrain/base/memory.hpp"

namespace bitgrain::kernels {

/// C = beta C + alpha op(A) op(B), with transposition resolved into steps: op(A)[i, k] is a[i * a_row + k * a_step],
/// op(B)[k, j] is b[k * b_step + j * b_column]. One of a_row and a_step is 1, and one of b_step and b_column. With
/// beta = 0, C is not read.
template <class T>
struct GemmProblem {
  std::int64_t m, n, k;
  const T* a;
  std::int64_t a_row, a_step;
  const T* b;
  std::int64_t b_step, b_column;
  T alpha, beta;
  T* c;
  std::int64_t ldc;
};

/// Scratch memory that needs no allocation while it is small.
template <class T>
class GemmBuffer {
 public:
  T* get(std::int64_t count) {
    if (count <= static_cast<std::int64_t>(small_.size())) return small_.data();
    return large_.emplace(static_cast<std::size_t>(count)).data();
  }

 private:
  alignas(kAlignment) std::array<T, 8192 / sizeof(T)> small_;
  std::optional<Scratch<T>> large_;
};

}  // namespace bitgrain::kernels
