#pragma once

/// Rounding with a straight-through gradient, and how gradcheck differentiates it.
///
/// A straight-through estimator takes round(v) for v in backward. Its gradient is therefore the true derivative of
/// the function in which round(v) is replaced by v + r with the residual r = round(v) - v frozen at the base point,
/// while clips stay live. `FrozenRounding` makes every rounding do exactly that: the first forward pass records
/// residuals in call order, later passes replay them.

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "bitgrain/base/check.hpp"

namespace bitgrain {

/// Activations round half up, in floats and in integers alike.
template <class T>
T round_half_up(T v) {
  return std::floor(v + T{0.5});
}
/// Weights round to nearest, ties to even (the default rounding mode of the processor).
template <class T>
T round_half_even(T v) {
  return std::nearbyint(v);
}

/// While one lives, `ste_round` of this thread records (first pass) or replays residuals. For gradcheck.
class FrozenRounding {
 public:
  FrozenRounding() : outer_(std::exchange(current(), this)) {}
  ~FrozenRounding() { current() = outer_; }
  FrozenRounding(const FrozenRounding&) = delete;
  FrozenRounding& operator=(const FrozenRounding&) = delete;

  static FrozenRounding*& current() {
    thread_local FrozenRounding* frozen = nullptr;
    return frozen;
  }
  /// Ends the recording pass, or starts another replay.
  void rewind() {
    replaying_ = true;
    next_ = 0;
  }
  double apply(double v, double rounded) {
    if (!replaying_) {
      residuals_.push_back(rounded - v);
      return rounded;
    }
    BITGRAIN_CHECK(next_ < residuals_.size(), "gradcheck: the function rounded more values than at the base point");
    return v + residuals_[next_++];
  }

 private:
  FrozenRounding* outer_;
  std::vector<double> residuals_;
  std::size_t next_ = 0;
  bool replaying_ = false;
};

/// Whether a gradcheck is watching; quantizers then take their element-by-element path through `ste_round`.
inline bool rounding_is_frozen() { return FrozenRounding::current() != nullptr; }

/// `rounded` = some rounding of `v`; under FrozenRounding v + its frozen residual.
template <class T>
T ste_round(T v, T rounded) {
  if (FrozenRounding* frozen = FrozenRounding::current()) [[unlikely]]
    return static_cast<T>(frozen->apply(static_cast<double>(v), static_cast<double>(rounded)));
  return rounded;
}

}  // namespace bitgrain
