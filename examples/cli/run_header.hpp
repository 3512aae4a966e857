#pragma once

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/base/version.hpp"
#include "bitgrain/kernels/kernel_set.hpp"
#include "command.hpp"

namespace cli {

/// "bitgrain 0.1.0, kernels for avx512, openmp, 2 threads": so that a slow build is noticed.
inline std::string header_text() {
  return bitgrain::detail::concat("bitgrain ", bitgrain::kVersion, ", kernels for ",
                                  bitgrain::kernels::kernels_in_use(), ", ", bitgrain::threading(), ", ",
                                  bitgrain::num_threads(), " threads");
}
inline void print_header() { say(header_text()); }

}  // namespace cli
