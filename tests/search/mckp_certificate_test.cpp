#include "bitgrain/search/mckp_certificate.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "search/random_mckp.hpp"

using namespace bitgrain;

TEST_CASE("the least cost beside the other limits is that of brute force") {
  RandomStream random(1, "certificate");
  int compared = 0;
  for (int trial = 0; trial < 60; ++trial) {
    const testing::ProblemShape shape{5, 4, 2 + trial % 2, 0.15, testing::Flavour::kUncorrelated};
    const MckpProblem problem = testing::random_problem(shape, random);
    if (std::isfinite(testing::brute_force(problem))) continue;
    const auto shortfalls = mckp::shortfalls(problem, 100'000, std::numeric_limits<double>::infinity());
    for (std::size_t i = 0; i < shortfalls.size(); ++i) {
      MckpProblem alone = problem, others = problem;
      for (std::size_t k = 0; k < problem.limits.size(); ++k) {
        alone.limits[k].limit = 1e9;
        if (k == i) others.limits[k].limit = 1e9;
      }
      for (auto* changed : {&alone, &others})
        for (auto& group : changed->groups)
          for (auto& choice : group.choices) choice.value = choice.costs[i];
      CHECK(shortfalls[i].least_alone == testing::brute_force(alone));
      if (std::isnan(shortfalls[i].least_with_others)) continue;
      CHECK(shortfalls[i].exact);
      CHECK(shortfalls[i].least_with_others == testing::brute_force(others));
      CHECK(shortfalls[i].least_with_others > shortfalls[i].limit);
      ++compared;
    }
  }
  CHECK(compared > 20);
}

TEST_CASE("a lower bound is said to be one by the flag, and large numbers keep their digits in the text") {
  MckpShortfall size;
  size.name = "bitops";
  size.limit = 48284565504.0;
  size.least_alone = 50000000001.0;
  CHECK(mckp::explain({size}) ==
        "infeasible: no choice is small enough. \"bitops\" needs at least 50000000001 (limit 48284565504, 3.55 % "
        "above).");
  CHECK(mckp::excess_text(5, 0) == "");
  CHECK(mckp::excess_text(5, -1) == "");
  CHECK(mckp::excess_text(5, 6) == "");
}
