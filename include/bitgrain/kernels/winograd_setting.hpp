#pragma once

#include <atomic>

#include "bitgrain/base/process_state.hpp"

namespace bitgrain::kernels {

namespace detail {
#if defined(BITGRAIN_KERNEL_SET)
inline std::atomic<bool>& winograd_setting() { return *bitgrain::detail::process_state().winograd; }
#else
inline std::atomic<bool>& winograd_setting() {
  static std::atomic<bool> setting{true};
  return setting;
}
#endif
}  // namespace detail

/// Whether float convolutions may use Winograd's method where it is faster. It rounds differently from a direct sum
/// (f32/winograd_transform.hpp has the bound), the same way every time. Convolutions of double never use it.
inline bool winograd_enabled() { return detail::winograd_setting().load(std::memory_order_relaxed); }

/// Allows Winograd's method (the default) or forbids it, for the whole process.
inline void set_winograd(bool allowed) { detail::winograd_setting().store(allowed); }

}  // namespace bitgrain::kernels
