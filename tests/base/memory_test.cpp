#include "bitgrain/base/memory.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "bitgrain/autograd/var.hpp"
#include "error_of.hpp"

using namespace bitgrain;

namespace {
MemoryPool& pool() { return MemoryPool::instance(); }

std::size_t bytes_taken_for(std::size_t bytes) {
  const std::size_t before = pool().stats().bytes_in_use;
  void* block = pool().allocate(bytes);
  const std::size_t taken = pool().stats().bytes_in_use - before;
  pool().deallocate(block, bytes);
  return taken;
}
}  // namespace

TEST_CASE("every block is 64-byte aligned and writable over its whole length") {
  for (const std::size_t bytes : {0u, 1u, 63u, 64u, 65u, 100u, 1000u, 4097u, 70000u, 1u << 20}) {
    void* block = pool().allocate(bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(block) % kAlignment == 0);
    std::memset(block, 0xAB, bytes);
    pool().deallocate(block, bytes);
  }
}

TEST_CASE("large blocks go back to the system as they came") {
  for (const std::size_t bytes : {kArenaBlock - 63, kArenaBlock, 3 * kArenaBlock - 1, 50 * kArenaBlock}) {
    void* block = pool().allocate(bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(block) % kAlignment == 0);
    std::memset(block, 0xAB, bytes);
    pool().deallocate(block, bytes);
  }
  pool().release_cached();
  CHECK(pool().stats().bytes_cached == 0);
}

TEST_CASE("size classes hold what was asked and waste at most a fifth of a block, above one cache line") {
  for (std::size_t bytes = 1; bytes < 200000; bytes = bytes + bytes / 7 + 1) {
    const std::size_t taken = bytes_taken_for(bytes);
    CAPTURE(bytes);
    CHECK(taken >= bytes);
    CHECK(taken % kAlignment == 0);
    const std::size_t lines = (bytes + kAlignment - 1) / kAlignment;
    CHECK((taken - lines * kAlignment) * 5 <= taken);
  }
}

TEST_CASE("size classes are the quarters of an octave, in cache lines") {
  const std::size_t lines[] = {1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32};
  std::size_t next = 1;
  for (const std::size_t size : lines)
    for (; next <= size; ++next) CHECK(bytes_taken_for(next * kAlignment) == size * kAlignment);
}

TEST_CASE("a block that was given back is handed out again for a size of the same class") {
#if BITGRAIN_POOL_CACHES
  void* first = pool().allocate(5000);
  pool().deallocate(first, 5000);
  const MemoryStats before = pool().stats();
  void* second = pool().allocate(5100);  // 5120 bytes both
  CHECK(second == first);
  CHECK(pool().stats().system_allocations == before.system_allocations);
  CHECK(pool().stats().bytes_cached == before.bytes_cached - 5120);
  pool().deallocate(second, 5100);
#endif
}

TEST_CASE("statistics: use, peak and cache balance") {
  pool().release_cached();
  const MemoryStats before = pool().stats();
  CHECK(before.bytes_cached == 0);
  void* block = pool().allocate(std::size_t{1} << 22);
  const MemoryStats during = pool().stats();
  CHECK(during.requests == before.requests + 1);
  CHECK(during.system_allocations == before.system_allocations + 1);
  CHECK(during.bytes_in_use == before.bytes_in_use + (std::size_t{1} << 22));
  CHECK(during.bytes_peak >= during.bytes_in_use);
  pool().deallocate(block, std::size_t{1} << 22);
  const MemoryStats after = pool().stats();
  CHECK(after.bytes_in_use == before.bytes_in_use);
  CHECK(after.bytes_peak >= during.bytes_in_use);
  CHECK(after.bytes_cached >= (BITGRAIN_POOL_CACHES ? std::size_t{1} << 22 : 0));
}

TEST_CASE("a loop of the same tensors, forward and backward, reaches a state without system allocations") {
#if BITGRAIN_POOL_CACHES
  Var<float> weight(Tensor<float>(Shape{128, 64}, 0.5f), true);
  const auto step = [&] {
    const Tensor<float> scratch(Shape{1000, 7});
    Tensor<float> doubled(weight.shape());
    for (std::int64_t i = 0; i < doubled.numel(); ++i) doubled.mutable_data()[i] = 2 * weight.value()[i];
    const Var<float> y = make_result("twice", doubled, {weight}, [weight](const Tensor<float>& grad) {
      Tensor<float> dx(grad.shape());
      for (std::int64_t i = 0; i < dx.numel(); ++i) dx.mutable_data()[i] = 2 * grad[i];
      weight.add_grad(dx);
    });
    y.backward(Tensor<float>(weight.shape(), 1.0f));
    weight.zero_grad();
  };
  for (int warm_up = 0; warm_up < 3; ++warm_up) step();
  const MemoryStats before = pool().stats();
  for (int i = 0; i < 50; ++i) step();
  const MemoryStats after = pool().stats();
  CHECK(after.requests > before.requests + 100);
  CHECK(after.system_allocations == before.system_allocations);
  CHECK(after.bytes_in_use == before.bytes_in_use);
#endif
}

TEST_CASE("threads that allocate at the same time never hold the same block") {
  const auto work = [](unsigned char mark, bool* intact) {
    for (int round = 0; round < 200; ++round) {
      const Scratch<unsigned char> a(1000), b(1000);
      std::memset(a.data(), mark, 1000);
      std::memset(b.data(), mark + 100, 1000);
      for (std::size_t i = 0; i < 1000; ++i) *intact = *intact && a[i] == mark && b[i] == mark + 100;
    }
  };
  const std::size_t in_use = pool().stats().bytes_in_use;
  bool intact[4] = {true, true, true, true};
  std::vector<std::thread> team;
  for (unsigned char t = 0; t < 4; ++t) team.emplace_back(work, t, &intact[t]);
  for (auto& member : team) member.join();
  for (const bool ok : intact) CHECK(ok);
  CHECK(pool().stats().bytes_in_use == in_use);
}

TEST_CASE("sizes that no machine has are refused and change no statistics") {
  const MemoryStats before = pool().stats();
  CHECK(contains(error_of([] { pool().allocate((std::size_t{1} << 48) + 1); }), "was asked for"));
  CHECK(pool().stats().bytes_in_use == before.bytes_in_use);
  CHECK(pool().stats().requests == before.requests);
}
