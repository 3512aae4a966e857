#include "bitgrain/search/mckp_relaxation.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "search/random_mckp.hpp"

using namespace bitgrain;
using namespace bitgrain::mckp;
using bitgrain::testing::Flavour;
using bitgrain::testing::ProblemShape;

namespace {
constexpr double kNoCutoff = std::numeric_limits<double>::infinity();

// Shares of all items at the end of a solve.
std::vector<double> shares(const Core& core, const Relaxation& relaxation) {
  std::vector<double> share(core.value.size(), 0.0);
  for (int g = 0; g < core.groups; ++g) share[static_cast<std::size_t>(relaxation.key(g))] = 1;
  for (std::size_t p = 0; p < relaxation.extras().size(); ++p) {
    const int item = relaxation.extras()[p];
    if (item < 0) continue;
    share[static_cast<std::size_t>(item)] += relaxation.extra_share(p);
    share[static_cast<std::size_t>(relaxation.key(core.group_of[static_cast<std::size_t>(item)]))] -=
        relaxation.extra_share(p);
  }
  return share;
}
}  // namespace

TEST_CASE("the relaxation is optimal: shares that satisfy the constraints have the value of the bound") {
  RandomStream random(1, "relaxation");
  int solved = 0;
  for (int trial = 0; trial < 200; ++trial) {
    ProblemShape shape;
    shape.limits = 1 + trial % 6;
    shape.groups = 2 + static_cast<int>(random.below(20));
    shape.choices = 2 + static_cast<int>(random.below(8));
    shape.tightness = random.uniform(0.2, 0.7);
    shape.flavour = static_cast<Flavour>(trial % 5);
    const MckpProblem problem = testing::random_problem(shape, random);
    const Core core = reduce(problem);
    if (core.infeasible || core.groups == 0) continue;
    const LiveItems live(core);
    Relaxation relaxation(core, live);
    const RelaxationStatus status = relaxation.solve(kNoCutoff);
    CAPTURE(trial);
    REQUIRE(status != RelaxationStatus::kStalled);
    if (status != RelaxationStatus::kOptimal) continue;
    ++solved;
    const std::vector<double> share = shares(core, relaxation);
    double value = 0;
    std::vector<double> sums(static_cast<std::size_t>(core.constraints), 0.0), groups(share.size(), 0.0);
    for (std::size_t item = 0; item < share.size(); ++item) {
      REQUIRE(share[item] >= -1e-9);
      value += share[item] * core.value[item];
      groups[static_cast<std::size_t>(core.group_of[item])] += share[item];
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += share[item] * core.costs(static_cast<int>(item))[i];
    }
    for (int g = 0; g < core.groups; ++g) REQUIRE(groups[static_cast<std::size_t>(g)] == doctest::Approx(1));
    for (const double sum : sums) REQUIRE(sum <= 1 + 1e-9);
    // Weak duality: no shares are below the bound. Equality proves both optimal.
    REQUIRE(std::abs(value - relaxation.bound()) <= 1e-8 * (1 + std::abs(value)));
  }
  CHECK(solved > 100);
}

TEST_CASE("a warm start after removing items gives the bound of a cold start") {
  RandomStream random(2, "warm");
  for (int trial = 0; trial < 60; ++trial) {
    const ProblemShape shape{12, 6, 1 + trial % 4, 0.4, static_cast<Flavour>(trial % 5)};
    const MckpProblem problem = testing::random_problem(shape, random, false);
    const Core core = reduce(problem);
    if (core.infeasible || core.groups == 0) continue;
    LiveItems live(core);
    Relaxation warm(core, live);
    warm.solve(kNoCutoff);
    for (int step = 0; step < 10; ++step) {
      const int item = static_cast<int>(random.below(static_cast<std::uint32_t>(core.value.size())));
      if (!live.contains(item) || live.count(core.group_of[static_cast<std::size_t>(item)]) == 1) continue;
      live.remove(item);
      const RelaxationStatus status = warm.solve(kNoCutoff);
      Relaxation cold(core, live);
      CAPTURE(trial);
      CAPTURE(step);
      REQUIRE(cold.solve(kNoCutoff) == status);
      if (status == RelaxationStatus::kInfeasible) break;
      REQUIRE(std::abs(warm.bound() - cold.bound()) <= 1e-9 * (1 + std::abs(cold.bound())));
    }
  }
}

TEST_CASE("infeasibility is proven, and a cutoff stops the solve once the bound is there") {
  MckpProblem problem;
  // Whatever is chosen, p + q is 300; beside the least costs of the others every single choice would fit.
  problem.limits = {{"p", 140}, {"q", 150}};
  for (const char* name : {"a", "b", "c"}) problem.groups.push_back({name, {{"x", 1, {10, 90}}, {"y", 2, {90, 10}}}});
  const Core core = reduce(problem);
  REQUIRE(!core.infeasible);
  const LiveItems live(core);
  Relaxation relaxation(core, live);
  CHECK(relaxation.solve(kNoCutoff) == RelaxationStatus::kInfeasible);

  problem.limits[1].limit = 200;
  const Core open = reduce(problem);
  const LiveItems open_live(open);
  Relaxation bounded(open, open_live);
  CHECK(bounded.solve(kNoCutoff) == RelaxationStatus::kOptimal);
  CHECK(bounded.bound() > 0.8);
  CHECK(bounded.solve(0.8) == RelaxationStatus::kCutoff);
}
