#include "bitgrain/base/arena.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "bitgrain/base/memory.hpp"

namespace {
using bitgrain::Arena;
using bitgrain::ArenaScope;
using bitgrain::Scratch;
}  // namespace

TEST_CASE("an arena hands out aligned blocks within its memory, wherever that lies") {
  std::vector<unsigned char> memory(64 * 12);
  for (std::size_t shift = 0; shift < 64; ++shift) {
    Arena arena(memory.data() + shift, 64 * 8 + 63);
    CHECK(arena.room() >= 64 * 8);
    const auto inside = [&](void* block, std::size_t bytes) {
      auto* const first = static_cast<unsigned char*>(block);
      return reinterpret_cast<std::uintptr_t>(first) % 64 == 0 && first >= memory.data() + shift &&
             first + bytes <= memory.data() + shift + 64 * 8 + 63;
    };
    void* const kept = arena.keep(65);
    void* const lent = arena.lend(1);
    void* const more = arena.keep(64 * 5);
    CHECK(inside(kept, 128));
    CHECK(inside(lent, 64));
    CHECK(inside(more, 64 * 5));
    CHECK(static_cast<unsigned char*>(more) == static_cast<unsigned char*>(kept) + 128);
    CHECK(arena.kept() == 64 * 7);
    CHECK_THROWS_WITH_AS(arena.keep(65), doctest::Contains("a block of 65 was asked for"), bitgrain::Error);
    arena.give_back(1);
    CHECK(arena.peak() == 64 * 8);
    CHECK(arena.lend(64) == lent);
  }
  CHECK(Arena(memory.data() + 1, 20).room() == 0);
  CHECK(Arena(nullptr, 0).room() == 0);
  CHECK_FALSE(Arena(nullptr, 0).counts());
}

TEST_CASE("an arena that counts hands out nothing, goes on from another one, and knows its peak") {
  std::vector<unsigned char> memory(64 * 4);
  Arena arena(memory.data(), memory.size());
  arena.keep(1);
  Arena counting = arena.counting();
  CHECK(counting.counts());
  CHECK(counting.kept() == 64);
  CHECK(counting.lend(std::uint64_t{1} << 40) == nullptr);
  counting.give_back(std::uint64_t{1} << 40);
  CHECK(counting.keep(100) == nullptr);
  CHECK(counting.kept() == 64 * 3);
  CHECK(counting.peak() == 64 + (std::uint64_t{1} << 40));
}

TEST_CASE("scratch buffers come from the arena of the scope, and from the pool outside of it") {
  std::vector<unsigned char> memory(64 * 8);
  Arena outer(memory.data(), memory.size()), counting;
  const auto before = bitgrain::MemoryPool::instance().stats().requests;
  {
    const ArenaScope scope(outer);
    const Scratch<int> first(10), second(20);
    CHECK(outer.peak() == 64 + 128);
    CHECK(second.data() < first.data());
    {
      const ArenaScope inner(counting);
      const Scratch<double> third(1000);
      CHECK(third.data() == nullptr);
    }
    const Scratch<int> fourth(1);
    CHECK(outer.peak() == 64 + 128 + 64);
  }
  CHECK(bitgrain::MemoryPool::instance().stats().requests == before);
  CHECK(counting.peak() == 8000);
  const Scratch<int> pooled(1);
  CHECK(bitgrain::MemoryPool::instance().stats().requests == before + 1);
}
