#pragma once

#include <atomic>

namespace bitgrain {

/// The precision of the operands that the backward passes of convolutions multiply; sums are in float always.
enum class GradPrecision {
  fp32,
  bf16,  ///< 8 significant bits (bf16/conv2d.hpp): faster where the processor multiplies bf16
};

namespace detail {
inline std::atomic<GradPrecision>& grad_precision_setting() {
  static std::atomic<GradPrecision> setting{GradPrecision::fp32};
  return setting;
}
}  // namespace detail

/// The precision in use; by default fp32. Convolutions of double are always calculated in double.
inline GradPrecision grad_precision() { return detail::grad_precision_setting().load(std::memory_order_relaxed); }

/// Chooses the precision, for the whole process.
inline void set_grad_precision(GradPrecision precision) { detail::grad_precision_setting().store(precision); }

}  // namespace bitgrain
