// Chooses the kernel set of this process. Compiled for the processor every program must run on.

#include <cstdlib>
#include <string_view>

#include "bitgrain/base/check.hpp"
#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/kernel_set.hpp"
#include "bitgrain/kernels/winograd_setting.hpp"

using bitgrain::detail::ProcessState;
using bitgrain::kernels::KernelSet;

#if defined(__x86_64__)
extern "C" const KernelSet* bitgrain_kernels_avx512bf16(const ProcessState&);
extern "C" const KernelSet* bitgrain_kernels_avx512popcnt(const ProcessState&);
extern "C" const KernelSet* bitgrain_kernels_avx512(const ProcessState&);
extern "C" const KernelSet* bitgrain_kernels_avx2(const ProcessState&);
extern "C" const KernelSet* bitgrain_kernels_sse42(const ProcessState&);
#else
extern "C" const KernelSet* bitgrain_kernels_neon(const ProcessState&);
#endif

namespace bitgrain::kernels {
namespace {

struct Candidate {
  std::string_view name;
  bool runs;  // on this processor, under this operating system
  const KernelSet* (*open)(const ProcessState&);
};

const KernelSet& choose() {
#if defined(__x86_64__)
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
  const bool popcnt = avx512 && __builtin_cpu_supports("avx512vpopcntdq");
  const Candidate candidates[] = {
      {"avx512bf16", popcnt && __builtin_cpu_supports("avx512bf16"), bitgrain_kernels_avx512bf16},
      {"avx512popcnt", popcnt, bitgrain_kernels_avx512popcnt},
      {"avx512", avx512, bitgrain_kernels_avx512},
      {"avx2", __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"), bitgrain_kernels_avx2},
      {"sse42", __builtin_cpu_supports("sse4.2") != 0, bitgrain_kernels_sse42}};
#else
  const Candidate candidates[] = {{"neon", true, bitgrain_kernels_neon}};
#endif
  const ProcessState state{&MemoryPool::instance(), &bitgrain::detail::thread_setting(),
                           &bitgrain::detail::inside_parallel, &detail::winograd_setting()};
  const char* wanted = std::getenv("BITGRAIN_KERNELS");
  for (const Candidate& candidate : candidates)
    if (wanted && *wanted ? candidate.name == wanted : candidate.runs) {
      BITGRAIN_CHECK(candidate.runs, "BITGRAIN_KERNELS asks for '", wanted, "', which this processor does not run");
      return *candidate.open(state);
    }
  if (wanted && *wanted) {
    std::string known;
    for (const Candidate& candidate : candidates) known += " " + std::string(candidate.name);
    fail("BITGRAIN_KERNELS asks for '", wanted, "', known here:", known);
  }
  fail("this processor runs none of the kernels: SSE4.2 at least is needed");
}

}  // namespace

const KernelSet& kernel_set() {
  static const KernelSet& chosen = choose();
  return chosen;
}

}  // namespace bitgrain::kernels
