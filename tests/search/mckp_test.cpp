#include "bitgrain/search/mckp.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <string>

#include "search/random_mckp.hpp"

using bitgrain::MckpOptions;
using bitgrain::MckpProblem;
using bitgrain::MckpSolution;
using bitgrain::MckpStatus;
using bitgrain::RandomStream;
using bitgrain::solve_mckp;
using bitgrain::testing::brute_force;
using bitgrain::testing::Flavour;
using bitgrain::testing::ProblemShape;
using bitgrain::testing::random_problem;

namespace {

// What must hold of every answer that carries a choice.
void check_consistent(const MckpProblem& problem, const MckpSolution& solution) {
  REQUIRE(solution.choice.size() == problem.groups.size());
  CHECK(solution.value == bitgrain::mckp::total_value(problem, solution.choice));
  for (std::size_t i = 0; i < problem.limits.size(); ++i) {
    CHECK(solution.costs[i] == bitgrain::mckp::total_cost(problem, solution.choice, i));
    CHECK(solution.costs[i] <= bitgrain::mckp::allowed_sum(problem, i));
  }
}

MckpProblem two_layers(double size, double bitops) {
  MckpProblem problem;
  problem.limits = {{"size", size}, {"bitops", bitops}};
  // Small in one cost is large in the other.
  problem.groups = {{"a", {{"x", 1, {10, 90}}, {"y", 2, {90, 10}}}}, {"b", {{"x", 3, {10, 90}}, {"y", 5, {90, 10}}}}};
  return problem;
}

}  // namespace

TEST_CASE("the solver agrees with brute force on 1000 random small problems of every flavour") {
  RandomStream random(1, "brute force");
  int infeasible = 0;
  for (int trial = 0; trial < 1000; ++trial) {
    ProblemShape shape;
    shape.limits = 1 + trial % 4;
    shape.groups = 1 + static_cast<int>(random.below(6));
    shape.choices = 1 + static_cast<int>(random.below(4));
    shape.tightness = random.uniform(-0.05, 0.9);
    shape.flavour = static_cast<Flavour>(trial / 4 % 5);
    const MckpProblem problem = random_problem(shape, random);
    const double expected = brute_force(problem);
    const MckpSolution solution = solve_mckp(problem);
    CAPTURE(trial);
    if (std::isinf(expected)) {
      ++infeasible;
      CHECK(solution.status == MckpStatus::kInfeasible);
      CHECK(solution.choice.empty());
      CHECK(std::isinf(solution.bound));
      CHECK(solution.message.rfind("infeasible", 0) == 0);
      continue;
    }
    REQUIRE(solution.status == MckpStatus::kOptimal);
    check_consistent(problem, solution);
    CHECK(std::abs(solution.value - expected) <= 1e-12 * std::abs(expected));
    CHECK(solution.bound == solution.value);
    CHECK(solution.gap() == 0);
  }
  // Both kinds of answer were really asked for.
  CHECK(infeasible > 100);
  CHECK(infeasible < 700);
}

TEST_CASE("limits that hold with equality are allowed, one bit less is not") {
  MckpProblem problem;
  problem.limits = {{"bits", 3e9}};
  problem.groups = {{"a", {{"low", 1, {1e9}}, {"high", 0, {2e9}}}}, {"b", {{"low", 1, {1e9}}, {"high", 0, {2e9}}}}};
  CHECK(solve_mckp(problem).value == 1);
  CHECK(solve_mckp(problem).choice == solve_mckp(problem).choice);  // ties are settled the same way on every run
  problem.limits[0].limit = 3e9 - 1;                                // 3e-10 of the limit: still counts for integers
  CHECK(solve_mckp(problem).value == 2);
  problem.limits[0].limit = 3e9 + 0.5;
  CHECK(solve_mckp(problem).value == 1);
}

TEST_CASE("real costs are allowed 1e-9 of the limit for rounding and no more") {
  MckpProblem problem;
  problem.limits = {{"ms", 0.3}};
  for (const char* name : {"a", "b", "c"})
    problem.groups.push_back({name, {{"fast", 0, {0.1}}, {"slow", -1, {0.2}}}});
  CHECK(solve_mckp(problem).status == MckpStatus::kOptimal);  // 0.1 + 0.1 + 0.1 > 0.3 in floating point
  problem.limits[0].limit = 0.3 * (1 - 1e-8);
  CHECK(solve_mckp(problem).status == MckpStatus::kInfeasible);
}

TEST_CASE("problems without groups, without limits, with one choice per group or zero costs are solved") {
  CHECK(solve_mckp({}).status == MckpStatus::kOptimal);
  CHECK(solve_mckp({}).value == 0);
  MckpProblem problem;
  problem.groups = {{"a", {{"x", 3, {}}, {"y", 2, {}}}}};
  CHECK(solve_mckp(problem).choice == std::vector<int>{1});
  problem.limits = {{"size", 0}};
  problem.groups = {{"a", {{"x", 3, {0}}}}, {"b", {{"x", 1, {0}}, {"y", 1, {0}}, {"z", 0, {1}}}}};
  const MckpSolution solution = solve_mckp(problem);
  CHECK(solution.value == 4);
  CHECK(solution.choice == std::vector<int>{0, 0});
  problem.limits = {{"size", -1}};
  CHECK(solve_mckp(problem).status == MckpStatus::kInfeasible);
}

TEST_CASE("a forced value of 1e8 does not blur the choice of the other groups") {
  MckpProblem problem;
  problem.limits = {{"size", 2}};
  problem.groups = {{"forced", {{"x", 1e8, {0}}}},
                    {"a", {{"small", 1e-3, {0}}, {"large", 0.5e-3, {1}}}},
                    {"b", {{"small", 1e-3, {0}}, {"large", 0.4e-3, {2}}}}};
  CHECK(solve_mckp(problem).choice == std::vector<int>{0, 0, 1});
}

TEST_CASE("a limit that cannot be met alone is named with what it needs") {
  MckpProblem problem = two_layers(15, 1000);
  const MckpSolution solution = solve_mckp(problem);
  CHECK(solution.status == MckpStatus::kInfeasible);
  REQUIRE(solution.shortfalls.size() == 2);
  CHECK(solution.shortfalls[0].least_alone == 20);
  CHECK(solution.shortfalls[1].least_alone == 20);
  CHECK(solution.message.find("\"size\" needs at least 20 (limit 15, 33.3 % above)") != std::string::npos);
  CHECK(solution.message.find("\"bitops\" needs at least 20 (limit 1000)") != std::string::npos);
}

TEST_CASE("limits that exclude each other are told apart, with the least of each while the others hold") {
  const MckpSolution solution = solve_mckp(two_layers(100, 80));
  CHECK(solution.status == MckpStatus::kInfeasible);
  REQUIRE(solution.shortfalls.size() == 2);
  CHECK(solution.shortfalls[0].least_with_others == 180);
  CHECK(solution.shortfalls[1].least_with_others == 100);
  CHECK(solution.message.find("each limit can be met alone, but not all together") != std::string::npos);
  CHECK(solution.message.find("\"bitops\" needs at least 100 (limit 80, 25 % above; alone 20)") != std::string::npos);
  CHECK(solution.message.find("\"size\" needs at least 180 (limit 100, 80 % above; alone 20)") != std::string::npos);

  MckpProblem three = two_layers(100, 80);
  three.limits.push_back({"latency", 5});
  for (auto& group : three.groups)
    for (auto& choice : group.choices) choice.costs.push_back(1);
  const std::string message = solve_mckp(three).message;
  CHECK(message.find("Even without \"latency\" (limit 5, least alone 2)") != std::string::npos);
  CHECK(message.find("\"size\" needs at least 180") != std::string::npos);
}

TEST_CASE("a node limit ends the search with a choice, a valid bound and a gap, the same every time") {
  RandomStream random(7, "hard");
  const ProblemShape shape{60, 10, 5, 0.4, Flavour::kCorrelated};
  const MckpProblem problem = random_problem(shape, random, false);
  const MckpSolution first = solve_mckp(problem, MckpOptions{50, INFINITY});
  CHECK(first.status == MckpStatus::kLimit);
  CHECK(first.nodes == 50);
  check_consistent(problem, first);
  CHECK(first.bound < first.value);
  CHECK(first.gap() > 0);
  CHECK(first.message.find("stopped after 50 nodes") != std::string::npos);
  const MckpSolution second = solve_mckp(problem, MckpOptions{2000, INFINITY});
  CHECK(second.value <= first.value);
  CHECK(second.bound >= first.bound);
  CHECK(solve_mckp(problem, MckpOptions{50, INFINITY}).choice == first.choice);
  CHECK(solve_mckp(problem, MckpOptions{1'000'000, 0.0}).status == MckpStatus::kLimit);
}

TEST_CASE("hundreds of groups and eight limits are solved to proven optimality") {
  RandomStream random(3, "large");
  for (const ProblemShape& shape :
       {ProblemShape{300, 10, 1, 0.3, Flavour::kUncorrelated}, ProblemShape{200, 8, 2, 0.3, Flavour::kForbidden},
        ProblemShape{60, 6, 3, 0.4, Flavour::kUncorrelated}, ProblemShape{16, 5, 8, 0.5, Flavour::kUncorrelated},
        ProblemShape{100, 10, 2, 0.3, Flavour::kTies}, ProblemShape{40, 10, 1, 0.4, Flavour::kCorrelated}}) {
    const MckpProblem problem = random_problem(shape, random, false);
    const MckpSolution solution = solve_mckp(problem, MckpOptions{200'000, INFINITY});
    CAPTURE(shape.groups);
    CHECK(solution.status == MckpStatus::kOptimal);
    check_consistent(problem, solution);
  }
}
