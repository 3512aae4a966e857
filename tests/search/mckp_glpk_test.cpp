// The exact solver against GLPK. Compiled to nothing where GLPK is not installed.
#if __has_include(<glpk.h>)

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>

#include "bitgrain/search/mckp.hpp"
#include "search/glpk_referee.hpp"
#include "search/random_mckp.hpp"

using bitgrain::MckpProblem;
using bitgrain::MckpStatus;
using bitgrain::RandomStream;
using bitgrain::testing::Flavour;
using bitgrain::testing::ProblemShape;

TEST_CASE("the solver agrees with GLPK on random problems too large for brute force") {
  RandomStream random(11, "glpk");
  int infeasible = 0;
  for (int trial = 0; trial < 60; ++trial) {
    ProblemShape shape;
    shape.limits = 1 + trial % 4;
    shape.groups = 10 + static_cast<int>(random.below(20));
    shape.choices = 3 + static_cast<int>(random.below(8));
    shape.tightness = trial % 6 == 0 ? 0.08 : random.uniform(0.2, 0.6);
    shape.flavour = trial % 3 == 0 ? Flavour::kUncorrelated : trial % 3 == 1 ? Flavour::kReal : Flavour::kTies;
    const MckpProblem problem = bitgrain::testing::random_problem(shape, random);
    const auto expected = bitgrain::testing::glpk_choice(problem);
    const auto solution = bitgrain::solve_mckp(problem);
    CAPTURE(trial);
    if (expected.empty()) {
      ++infeasible;
      CHECK(solution.status == MckpStatus::kInfeasible);
      continue;
    }
    REQUIRE(expected.size() == problem.groups.size());
    REQUIRE(solution.status == MckpStatus::kOptimal);
    const double value = bitgrain::mckp::total_value(problem, expected);
    CHECK(std::abs(solution.value - value) <= 1e-8 * (1 + std::abs(value)));
    for (std::size_t i = 0; i < problem.limits.size(); ++i)
      CHECK(solution.costs[i] <= bitgrain::mckp::allowed_sum(problem, i));
  }
  CHECK(infeasible > 0);
}

#endif
