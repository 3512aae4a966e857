#pragma once

#include <benchmark/benchmark.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "bitgrain/base/cpu.hpp"
#include "bitgrain/base/parallel.hpp"

#if defined(_OPENMP)
#include <omp.h>
#endif

/// Ends the program because of a bad command line.
[[noreturn]] inline void bad_flag(std::string_view flag, std::string_view expected) {
  std::fprintf(stderr, "'%.*s': expected %.*s\n", static_cast<int>(flag.size()), flag.data(),
               static_cast<int>(expected.size()), expected.data());
  std::exit(2);
}

/// Takes every argument `--<name>=<value>` out of the command line and returns the values.
inline std::vector<std::string> take_flags(int& argc, char** argv, std::string_view name) {
  const std::string start = "--" + std::string(name) + "=";
  std::vector<std::string> values;
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]).starts_with(start))
      values.emplace_back(argv[i] + start.size());
    else
      argv[kept++] = argv[i];
  }
  argc = kept;
  return values;
}

/// The number that `text` is; ends the program if it is none, or below `least`.
inline int flag_number(const std::string& text, int least, std::string_view expected) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least) bad_flag(text, expected);
  return value;
}

/// Takes `--threads=N` out of the arguments: for bitgrain, and for every peer that runs on OpenMP. Writes threads and
/// instruction set into the context of the results, hands the rest to Google Benchmark and runs what is registered.
/// `reporter`, if any, takes the place of the one on the console. The return value is main's.
inline int run_benchmarks(int argc, char** argv, benchmark::BenchmarkReporter* reporter = nullptr) {
  for (const std::string& threads : take_flags(argc, argv, "threads"))
    bitgrain::set_num_threads(flag_number(threads, 1, "--threads=N, a number of threads"));
#if defined(_OPENMP)
  omp_set_num_threads(bitgrain::num_threads());
#endif
  benchmark::AddCustomContext("isa", bitgrain::compiled_for());
  benchmark::AddCustomContext("bitgrain_threads", std::to_string(bitgrain::num_threads()));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks(reporter);
  return 0;
}
