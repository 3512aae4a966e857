#include "bitgrain/search/mckp_polish.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "search/random_mckp.hpp"

using namespace bitgrain;
using namespace bitgrain::mckp;

namespace {
double value_of(const Core& core, const std::vector<int>& picked) {
  double sum = 0;
  for (const int item : picked) sum += core.value[static_cast<std::size_t>(item)];
  return sum;
}
bool fits(const Core& core, const std::vector<int>& picked) {
  for (int i = 0; i < core.constraints; ++i) {
    double sum = 0;
    for (const int item : picked) sum += core.costs(item)[i];
    if (sum > 1 + 1e-12) return false;
  }
  return true;
}
}  // namespace

TEST_CASE("polishing ends within the limits, never worse, where no change of one or two groups helps") {
  RandomStream random(1, "polish");
  int improved = 0;
  for (int trial = 0; trial < 30; ++trial) {
    const testing::ProblemShape shape{10, 6, 1 + trial % 3, 0.5, testing::Flavour::kUncorrelated};
    const Core core = reduce(testing::random_problem(shape, random, false));
    std::vector<int> items, picked;
    for (int item = 0; item < core.begin.back(); ++item) items.push_back(item);
    for (int g = 0; g < core.groups; ++g) {  // dearest value, so least cost: fits when one constraint binds
      const int last = core.begin[static_cast<std::size_t>(g) + 1] - 1;
      picked.push_back(last);
    }
    if (!fits(core, picked)) continue;
    const double before = value_of(core, picked);
    improved += Polish(core, items).run(picked);
    REQUIRE(fits(core, picked));
    REQUIRE(value_of(core, picked) <= before);
    for (const int a : items)
      for (const int b : items) {
        if (core.group_of[static_cast<std::size_t>(a)] == core.group_of[static_cast<std::size_t>(b)] && a != b)
          continue;
        std::vector<int> other = picked;
        other[static_cast<std::size_t>(core.group_of[static_cast<std::size_t>(a)])] = a;
        other[static_cast<std::size_t>(core.group_of[static_cast<std::size_t>(b)])] = b;
        if (value_of(core, other) < value_of(core, picked) - 1e-9) REQUIRE(!fits(core, other));
      }
  }
  CHECK(improved > 5);
}
