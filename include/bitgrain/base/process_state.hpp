#pragma once

/// What exists once per process, whoever asks.
///
/// Inline functions with static variables give that by themselves, with one exception: a library of kernels built
/// with BITGRAIN_DISPATCH (kernels/kernel_set.hpp) holds private copies of every inline function, compiled for
/// another instruction set. Its copies use the process's variables, which it is handed when its kernels are chosen.

#include <atomic>

namespace bitgrain {

class MemoryPool;

namespace detail {

/// The variables that kernels share with the program.
struct ProcessState {
  MemoryPool* memory_pool;
  std::atomic<int>* threads;
  bool& (*inside_parallel)();
  std::atomic<bool>* winograd;
};

#if defined(BITGRAIN_KERNEL_SET)
/// Filled before any kernel of the library runs.
inline ProcessState& process_state() {
  static ProcessState state{};
  return state;
}
#endif

}  // namespace detail
}  // namespace bitgrain
