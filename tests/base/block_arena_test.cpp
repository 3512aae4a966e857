#include "bitgrain/base/block_arena.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <map>
#include <vector>

#include "bitgrain/base/random.hpp"

using bitgrain::RandomStream;
using bitgrain::detail::BlockArena;

namespace {
constexpr std::size_t kMiB = std::size_t{1} << 20;

// An arena of one chunk of 64 MiB.
struct OneChunk {
  OneChunk() { REQUIRE(arena.grow(64 * kMiB)); }
  ~OneChunk() {
    arena.release();
    CHECK(arena.free_bytes() == 0);  // everything was given back, joined to the whole chunk, and returned
  }
  BlockArena arena;
};
}  // namespace

TEST_CASE("an arena gives nothing before it has grown, and nothing larger than its largest piece") {
  BlockArena empty;
  CHECK(empty.take(64) == nullptr);
  OneChunk one;
  CHECK(one.arena.take(64 * kMiB + 64) == nullptr);
  void* all = one.arena.take(64 * kMiB);
  REQUIRE(all != nullptr);
  CHECK(one.arena.take(64) == nullptr);
  one.arena.give_back(all);
}

TEST_CASE("pieces that were given back join, whatever the order, and serve another size") {
  for (const std::vector<int>& order : {std::vector{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}}) {
    OneChunk one;
    std::vector<void*> quarters;
    for (int i = 0; i < 4; ++i) quarters.push_back(one.arena.take(16 * kMiB));
    for (const int i : order) one.arena.give_back(quarters[static_cast<std::size_t>(i)]);
    void* all = one.arena.take(64 * kMiB);
    CHECK(all != nullptr);
    if (all) one.arena.give_back(all);
  }
}

TEST_CASE("a request takes the smallest piece that holds it") {
  OneChunk one;
  void* large = one.arena.take(8 * kMiB);
  void* wall = one.arena.take(kMiB);
  void* small = one.arena.take(2 * kMiB);
  void* rest = one.arena.take(53 * kMiB);
  one.arena.give_back(large);
  one.arena.give_back(small);
  CHECK(one.arena.take(2 * kMiB) == small);
  CHECK(one.arena.take(4 * kMiB) == large);
  for (void* block : {large, wall, small, rest}) one.arena.give_back(block);
}

TEST_CASE("chunks in use stay, the others go back") {
  BlockArena arena;
  REQUIRE(arena.grow(kMiB));
  const std::size_t first = arena.free_bytes();
  void* block = arena.take(kMiB);
  REQUIRE(arena.grow(100 * kMiB));
  arena.release();
  CHECK(arena.free_bytes() == first - kMiB);
  arena.give_back(block);
  arena.release();
  CHECK(arena.free_bytes() == 0);
}

TEST_CASE("random taking and giving back: pieces never overlap, and nothing is lost") {
  RandomStream random(3, "arena");
  BlockArena arena;
  std::map<std::byte*, std::size_t> held;
  for (int i = 0; i < 3000; ++i) {
    if (held.empty() || random.bernoulli(0.55)) {
      const std::size_t size = 64 * (1 + random.below(30000));
      auto* block = static_cast<std::byte*>(arena.take(size));
      if (block == nullptr) {
        REQUIRE(arena.grow(size));
        block = static_cast<std::byte*>(arena.take(size));
      }
      REQUIRE(block != nullptr);
      const auto next = held.lower_bound(block);
      CHECK((next == held.end() || block + size <= next->first));
      CHECK((next == held.begin() || std::prev(next)->first + std::prev(next)->second <= block));
      std::memset(block, 1, 64);
      held[block] = size;
    } else {
      const auto gone =
          std::next(held.begin(), static_cast<std::ptrdiff_t>(random.below(static_cast<std::uint32_t>(held.size()))));
      arena.give_back(gone->first);
      held.erase(gone);
    }
  }
  for (const auto& [block, size] : held) arena.give_back(block);
  arena.release();
  CHECK(arena.free_bytes() == 0);
}
