#include "bitgrain/search/mckp_core.hpp"

#include <doctest/doctest.h>

#include <vector>

using bitgrain::MckpProblem;
using bitgrain::mckp::Core;
using bitgrain::mckp::reduce;

TEST_CASE("dominated choices go, of equal ones the first stays, settled groups are remembered") {
  MckpProblem problem;
  problem.limits = {{"size", 9}, {"time", 20}};
  problem.groups = {
      {"a",
       {{"dear", 5, {1, 9}}, {"first", 2, {3, 3}}, {"equal", 2, {3, 3}}, {"worse", 4, {3, 4}}, {"best", 0, {8, 8}}}},
      {"b", {{"only", 7, {1, 1}}}},
      {"c", {{"good", 1, {2, 2}}, {"bad", 2, {3, 3}}}},
      {"d", {{"large", 0, {4, 1}}, {"small", 1, {1, 1}}}}};
  const Core core = reduce(problem);
  REQUIRE(!core.infeasible);
  REQUIRE(core.groups == 2);
  CHECK(core.settled == std::vector<int>{-1, 0, 0, -1});
  // "best" exceeds the size limit: 8 + 1 + 2 + 1 > 9. "dear" stays, for it needs the least size.
  CHECK(core.problem_choice == std::vector<int>{1, 0, 0, 1});
  CHECK(core.value == std::vector<double>{0, 3, 0, 1});
  CHECK(core.value_offset == 2 + 7 + 1 + 0);
  CHECK(core.expand({1, 2}) == std::vector<int>{0, 0, 0, 0});
}

TEST_CASE("constraints that cannot be violated are dropped, the others scaled to a limit of 1") {
  MckpProblem problem;
  problem.limits = {{"loose", 100}, {"tight", 15}};
  problem.groups = {{"a", {{"x", 0, {9, 10}}, {"y", 1, {8, 2}}}}, {"b", {{"x", 0, {9, 12}}, {"y", 1, {8, 3}}}}};
  const Core core = reduce(problem);
  CHECK(core.constraints == 1);
  CHECK(core.cost == std::vector<double>{8.0 / 10, 0, 9.0 / 10, 0});  // 10 = 15 less the least, 2 + 3
}

TEST_CASE("dropping a choice that is too costly can make another one too costly") {
  MckpProblem problem;
  problem.limits = {{"p", 10}, {"q", 10}};
  // a.x breaks p; without it q needs at least 6 from a, so b.x, which takes 5 of q, breaks q; nothing of b is left.
  problem.groups = {{"a", {{"x", 0, {11, 0}}, {"y", 0, {0, 6}}}}, {"b", {{"x", 0, {0, 5}}}}};
  CHECK(reduce(problem).infeasible);
}

TEST_CASE("negative costs are shifted away") {
  MckpProblem problem;
  problem.limits = {{"net", -5}};
  problem.groups = {{"a", {{"x", 0, {0}}, {"y", 1, {-4}}}}, {"b", {{"x", 0, {1}}, {"y", 1, {-3}}}}};
  const Core core = reduce(problem);
  REQUIRE(!core.infeasible);
  CHECK(core.groups == 0);  // -7 is the least, 2 to spare: neither group can afford the other choice
  CHECK(core.settled == std::vector<int>{1, 1});
}
