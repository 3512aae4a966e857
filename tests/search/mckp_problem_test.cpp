#include "bitgrain/search/mckp_problem.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

using bitgrain::MckpProblem;

namespace {
std::string complaint(const MckpProblem& problem) {
  try {
    bitgrain::mckp::check(problem);
  } catch (const bitgrain::Error& error) {
    return error.what();
  }
  return "";
}
MckpProblem valid() {
  MckpProblem problem;
  problem.limits = {{"size", 10}, {"bitops", 20}};
  problem.groups = {{"conv1", {{"w2", 1, {1, 2}}, {"w4", 0, {2, 4}}}}, {"fc", {{"w8", 0, {3, 3}}}}};
  return problem;
}
}  // namespace

TEST_CASE("malformed problems are refused with the group, the choice and the cost at fault") {
  CHECK(complaint(valid()).empty());
  auto p = valid();
  p.groups[0].choices[1].value = NAN;
  CHECK(complaint(p) == "group \"conv1\", choice \"w4\": the value must be finite, got nan");
  p = valid();
  p.groups[1].choices[0].costs[1] = INFINITY;
  CHECK(complaint(p) == "group \"fc\", choice \"w8\": cost \"bitops\" must be finite, got inf");
  p = valid();
  p.groups[1].choices.clear();
  CHECK(complaint(p) == "group \"fc\" has no choices");
  p = valid();
  p.groups[1].name = "conv1";
  CHECK(complaint(p) == "group \"conv1\" is given twice");
  p = valid();
  p.groups[0].choices[1].label = "w2";
  CHECK(complaint(p) == "group \"conv1\", choice \"w2\": the label is given twice");
  p = valid();
  p.groups[0].choices[0].costs.pop_back();
  CHECK(complaint(p) == "group \"conv1\", choice \"w2\": expected 2 costs (one per limit), got 1");
  p = valid();
  p.limits[1].limit = -INFINITY;
  CHECK(complaint(p) == "limit \"bitops\" must be finite, got -inf");
  p = valid();
  p.limits[1].name = "size";
  CHECK(complaint(p) == "limit \"size\" is given twice");
}

TEST_CASE("compensated sums keep what plain sums lose") {
  bitgrain::mckp::CompensatedSum sum;
  for (const double x : {1.0, 1e100, 1.0, -1e100}) sum.add(x);
  CHECK(sum.value() == 2.0);
  bitgrain::mckp::CompensatedSum tenths;
  for (int i = 0; i < 1000; ++i) tenths.add(0.1);
  CHECK(tenths.value() == 100.0);
}

TEST_CASE("integer costs are compared exactly, real ones within 1e-9 of the limit") {
  auto p = valid();
  p.limits[0].limit = 10.75;
  CHECK(bitgrain::mckp::allowed_sum(p, 0) == 10);
  p.groups[0].choices[0].costs[0] = 1.5;
  CHECK(bitgrain::mckp::allowed_sum(p, 0) == 10.75 + 1e-9 * 10.75);
  CHECK(bitgrain::mckp::allowed_sum(p, 1) == 20);
}
