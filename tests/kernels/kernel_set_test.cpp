#include "bitgrain/kernels/kernel_set.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string_view>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/bits/any_conv2d.hpp"
#include "bitgrain/kernels/f32/gemm.hpp"

using namespace bitgrain;

TEST_CASE("kernels_in_use names the instruction set that the kernels run on") {
  const std::string_view name = kernels::kernels_in_use();
  if (!kernels::kDispatch) {
    CHECK(name == compiled_for());
    return;
  }
  CHECK((name == "avx512bf16" || name == "avx512popcnt" || name == "avx512" || name == "avx2" || name == "sse42" ||
         name == "neon"));
  // tests/cross.sh says which one the emulated processor must get.
  if (const char* expected = std::getenv("BITGRAIN_EXPECTED_KERNELS")) CHECK(name == std::string_view(expected));
}

TEST_CASE("kernels of few bits run on the best primitives of the instruction set in use") {
  const kernels::PrimitiveNames on = kernels::primitives_in_use();
  if (!kernels::kDispatch) {
    CHECK(on.bits == kernels::BestBits::kName);
    return;
  }
  const std::string_view name = kernels::kernels_in_use();
  const bool popcnt = name == "avx512bf16" || name == "avx512popcnt", avx512 = popcnt || name == "avx512";
  if (name == "neon") return;
  CHECK(on.bits == (popcnt ? "avx512-vpopcntdq" : avx512 || name == "avx2" ? "avx2" : "generic"));
  CHECK(on.fields == (avx512 ? "avx512-vnni" : name == "avx2" ? "avx2" : "generic"));
}

TEST_CASE("chosen kernels use the program's memory pool and its threads, not copies of their own") {
  const std::int64_t n = 200;
  const auto count = static_cast<std::size_t>(n * n);
  const std::vector<float> a(count, 1.0F), b(count, 2.0F);
  std::vector<float> one(count), three(count);
  const auto multiply = [&](int threads, std::vector<float>& c) {
    set_num_threads(threads);
    kernels::gemm(false, false, n, n, n, 1.0F, a.data(), n, b.data(), n, 0.0F, c.data(), n);
  };
  const int before = num_threads();
  const auto requests = MemoryPool::instance().stats().requests;
  multiply(1, one);
  CHECK(MemoryPool::instance().stats().requests > requests);  // the packed matrices
  multiply(3, three);
  set_num_threads(before);
  CHECK(one == three);
  CHECK(one[0] == 400.0F);
}
