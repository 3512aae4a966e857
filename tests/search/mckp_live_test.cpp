#include "bitgrain/search/mckp_live.hpp"

#include <doctest/doctest.h>

#include <set>
#include <vector>

#include "bitgrain/base/random.hpp"

using bitgrain::mckp::Core;
using bitgrain::mckp::LiveItems;

namespace {
Core core_of(const std::vector<int>& sizes) {
  Core core;
  core.begin = {0};
  for (const int size : sizes) {
    for (int j = 0; j < size; ++j) core.group_of.push_back(core.groups);
    core.begin.push_back(core.begin.back() + size);
    ++core.groups;
  }
  core.value.assign(core.group_of.size(), 0.0);
  return core;
}
std::set<int> items(const LiveItems& live, int group) {
  return {live.first(group), live.first(group) + live.count(group)};
}
}  // namespace

TEST_CASE("removed items are gone and come back when undone, at any depth") {
  const Core core = core_of({4, 6, 5});
  LiveItems live(core);
  bitgrain::RandomStream random(1, "live");
  std::vector<std::size_t> marks;
  std::vector<std::vector<std::set<int>>> states;
  const auto state = [&] { return std::vector{items(live, 0), items(live, 1), items(live, 2)}; };
  for (int step = 0; step < 2000; ++step) {
    if (random.bernoulli(0.4) && !marks.empty()) {
      live.undo_to(marks.back());
      REQUIRE(state() == states.back());
      marks.pop_back();
      states.pop_back();
      continue;
    }
    marks.push_back(live.mark());
    states.push_back(state());
    const int item = static_cast<int>(random.below(15));
    if (live.contains(item) && live.count(core.group_of[static_cast<std::size_t>(item)]) > 1) {
      live.remove(item);
      REQUIRE(!live.contains(item));
      REQUIRE(!items(live, core.group_of[static_cast<std::size_t>(item)]).contains(item));
    }
  }
  live.undo_to(0);
  CHECK(state() == std::vector<std::set<int>>{{0, 1, 2, 3}, {4, 5, 6, 7, 8, 9}, {10, 11, 12, 13, 14}});
}
