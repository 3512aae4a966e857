#include "bitgrain/base/array.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

namespace {
using bitgrain::Arena;
using bitgrain::ArenaScope;
using bitgrain::Array;
}  // namespace

TEST_CASE("an array starts with zeros, is aligned, is copied deeply and moved without a copy") {
  Array<std::int32_t> a(37);
  CHECK(a.size() == 37);
  CHECK(reinterpret_cast<std::uintptr_t>(a.data()) % 64 == 0);
  CHECK(std::accumulate(a.begin(), a.end(), 0) == 0);
  std::iota(a.begin(), a.end(), 1);
  const Array<std::int32_t> copy = a;
  a[0] = 100;
  CHECK(copy[0] == 1);
  CHECK(copy[36] == 37);
  const std::int32_t* const data = a.data();
  Array<std::int32_t> moved = std::move(a);
  CHECK(moved.data() == data);
  a = copy;
  CHECK(a[36] == 37);
  a = {};
  CHECK(a.empty());
  CHECK(a.data() == nullptr);
  CHECK(Array<std::int32_t>(0).empty());
  CHECK(Array<std::int8_t>::unset(5).size() == 5);
}

TEST_CASE("elements are destroyed once") {
  const auto shared = std::make_shared<int>(1);
  {
    Array<std::shared_ptr<int>> a(3);
    a[1] = shared;
    Array<std::shared_ptr<int>> b = a, c = std::move(a);
    CHECK(shared.use_count() == 3);
    b = std::move(c);
    CHECK(shared.use_count() == 2);
  }
  CHECK(shared.use_count() == 1);
}

TEST_CASE("in an arena an array takes its memory there for good; where it only counts, it has a length") {
  std::vector<unsigned char> memory(64 * 8);
  Arena arena(memory.data(), memory.size()), counting;
  Array<double> kept;
  {
    const ArenaScope scope(arena);
    kept = Array<double>(9);
  }
  kept[8] = 1;
  CHECK(arena.kept() == 128);
  const Array<double> pooled = kept;  // outside of the scope
  kept = {};
  CHECK(arena.kept() == 128);
  CHECK(pooled[8] == 1);
  const ArenaScope scope(counting);
  Array<double> counted(9);
  CHECK(counted.size() == 9);
  CHECK(counted.data() == nullptr);
  Array<double> again = counted;
  CHECK(again.size() == 9);
  CHECK(counting.kept() == 256);
}
