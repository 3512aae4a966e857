#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>

#include "bitgrain/base/cpu.hpp"
#include "bitgrain/base/parallel.hpp"

/// Takes `--threads=N` out of the arguments, writes threads and instruction set into the context of the results,
/// hands the rest to Google Benchmark and runs what is registered. The return value is main's.
inline int run_benchmarks(int argc, char** argv) {
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], "--threads=", 10) == 0)
      bitgrain::set_num_threads(std::max(1, std::atoi(argv[i] + 10)));
    else
      argv[kept++] = argv[i];
  }
  benchmark::AddCustomContext("isa", bitgrain::compiled_for());
  benchmark::AddCustomContext("bitgrain_threads", std::to_string(bitgrain::num_threads()));
  benchmark::Initialize(&kept, argv);
  if (benchmark::ReportUnrecognizedArguments(kept, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
