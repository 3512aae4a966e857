#include "bitgrain/search/mckp_tree.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "search/random_mckp.hpp"

using namespace bitgrain;
using namespace bitgrain::mckp;
using bitgrain::testing::Flavour;
using bitgrain::testing::ProblemShape;

namespace {
constexpr double kForever = std::numeric_limits<double>::infinity();
}

TEST_CASE("the bound of an unfinished search never passes the optimum, and a finished one finds it") {
  RandomStream random(1, "tree");
  for (int trial = 0; trial < 12; ++trial) {
    const ProblemShape shape{25, 6, 2 + trial % 3, 0.4, trial % 2 ? Flavour::kForbidden : Flavour::kUncorrelated};
    const MckpProblem problem = testing::random_problem(shape, random, false);
    const Core core = reduce(problem);
    Tree full(problem, core, 1'000'000, kForever);
    REQUIRE(full.run());
    REQUIRE(full.found());
    double last = -kForever;
    for (const std::int64_t nodes : {1, 2, 5, 20, 100}) {
      Tree cut(problem, core, nodes, kForever);
      if (cut.run()) {
        CHECK(cut.best_value() == full.best_value());
        break;
      }
      CHECK(cut.nodes() == nodes);
      CHECK(cut.open_bound() <= full.best_value() + 1e-9 * std::abs(full.best_value()));
      CHECK(cut.open_bound() >= last);
      last = cut.open_bound();
      if (cut.found()) CHECK(cut.best_value() >= full.best_value());
    }
  }
}

TEST_CASE("problems of many equal optima end quickly: equal bounds are not explored twice") {
  RandomStream random(2, "ties");
  const ProblemShape shape{80, 8, 2, 0.35, Flavour::kTies};
  const MckpProblem problem = testing::random_problem(shape, random, false);
  const Core core = reduce(problem);
  Tree tree(problem, core, 20'000, kForever);
  CHECK(tree.run());
}
