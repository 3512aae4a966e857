#pragma once

#include <sys/resource.h>

#include <fstream>
#include <string>

/// Linux's account of this process's memory.

/// The number of KiB behind `key` ("VmRSS", "VmHWM") in /proc/self/status; 0 where there is none.
inline double resident_kib(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == key + ":") {
      double kib = 0;
      status >> kib;
      return kib;
    }
  return 0;
}

/// Lets the peak (VmHWM) start again from what is resident now.
inline void reset_peak_memory() { std::ofstream("/proc/self/clear_refs") << "5\n"; }

/// Page faults so far that were served without reading a file.
inline double page_faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_minflt);
}
