#pragma once

/// What this program was compiled for. Printed by every program, so that a slow build is noticed.

namespace bitgrain {

/// The widest instruction set the compiler was allowed to use, e.g. "avx512+vnni".
constexpr const char* compiled_for() {
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
  return "avx512+vnni";
#elif defined(__AVX512BW__)
  return "avx512";
#elif defined(__AVX2__) && defined(__FMA__)
  return "avx2+fma";
#elif defined(__AVX__)
  return "avx";
#elif defined(__SSE4_2__)
  return "sse4.2";
#elif defined(__SSE2__)
  return "sse2";
#elif defined(__aarch64__)
  return "neon";
#else
  return "scalar";
#endif
}

/// Whether parallel_for runs on threads, and which.
constexpr const char* threading() {
#if defined(BITGRAIN_THREADS_STD)
  return "std::thread";
#elif defined(_OPENMP)
  return "openmp";
#else
  return "serial";
#endif
}

}  // namespace bitgrain
