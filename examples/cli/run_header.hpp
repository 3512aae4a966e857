#pragma once

#include "bitgrain/base/cpu.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/base/version.hpp"
#include "command.hpp"

namespace cli {

/// "bitgrain 0.1.0, compiled for avx512, openmp, 2 threads": so that a slow build is noticed.
inline std::string header_text() {
  return bitgrain::detail::concat("bitgrain ", bitgrain::kVersion, ", compiled for ", bitgrain::compiled_for(), ", ",
                                  bitgrain::threading(), ", ", bitgrain::num_threads(), " threads");
}
inline void print_header() { say(header_text()); }

}  // namespace cli
