#include "bitgrain/base/cpu.hpp"

#include <doctest/doctest.h>

#include <string_view>

using namespace bitgrain;

TEST_CASE("compiled_for names the instruction set that the compiler's flags allow") {
  const std::string_view name = compiled_for();
#if defined(__AVX512BW__)
  CHECK(name.starts_with("avx512"));
#elif defined(__AVX2__) && defined(__FMA__)
  CHECK(name == "avx2+fma");
#elif defined(__x86_64__)
  CHECK((name == "avx" || name.starts_with("sse")));
#else
  CHECK((name == "neon" || name == "scalar"));
#endif
}

TEST_CASE("threading names what parallel_for runs on") {
  const std::string_view name = threading();
#if defined(BITGRAIN_THREADS_STD)
  CHECK(name == "std::thread");
#elif defined(_OPENMP)
  CHECK(name == "openmp");
#else
  CHECK(name == "serial");
#endif
}
