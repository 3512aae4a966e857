#pragma once
#include "bitgrain/deploy/kernel_choice.hpp"
namespace bitgrain::deploy {
inline const KernelTable& shipped_kernel_times() {
  static const KernelTable none;
  return none;
}
}  // namespace bitgrain::deploy
