// Protects the scratch memory of small products: no allocation while it fits.
#include "bitgrain/kernels/f32/gemm_problem.hpp"

#include <doctest/doctest.h>

TEST_CASE("a buffer asks the pool only when it does not fit, and is aligned either way") {
  const auto requests = [] { return bitgrain::MemoryPool::instance().stats().requests; };
  const auto before = requests();
  for (const std::int64_t count : {1, 100, 2048}) {
    bitgrain::kernels::GemmBuffer<float> buffer;
    float* memory = buffer.get(count);
    CHECK(reinterpret_cast<std::uintptr_t>(memory) % bitgrain::kAlignment == 0);
    memory[count - 1] = 1;
  }
  CHECK(requests() == before);
  bitgrain::kernels::GemmBuffer<float> buffer;
  float* memory = buffer.get(1 << 20);
  CHECK(reinterpret_cast<std::uintptr_t>(memory) % bitgrain::kAlignment == 0);
  memory[(1 << 20) - 1] = 1;
  CHECK(requests() == before + 1);
}
