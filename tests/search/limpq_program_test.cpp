#include "bitgrain/search/limpq_program.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "bitgrain/search/mckp.hpp"
#include "error_of.hpp"
#include "search/limpq_resnet50.hpp"
#if __has_include(<glpk.h>)
#include "search/glpk_referee.hpp"
#endif

using namespace bitgrain;

TEST_CASE("the outlier rule compares the learned values: one outlier does not forbid what lies below it") {
  const std::vector<int> bits{6, 5, 4, 3, 2};
  // 5 bits is below 6 bits; in place, 4 bits would be compared with 1e8 and fall, and so on.
  CHECK(limpq_forbid_outliers(bits, {0.3, 0.2, 0.4, 0.5, 0.6}) ==
        std::vector<double>{0.3, kLimpqForbidden, 0.4, 0.5, 0.6});
  CHECK(limpq_forbid_outliers(bits, {0.1, 0.2, 0.2, 0.5, 0.4}) ==
        std::vector<double>{0.1, 0.2, 0.2, 0.5, kLimpqForbidden});
  // The order in which candidates are listed does not matter.
  CHECK(limpq_forbid_outliers({2, 4, 3}, {0.3, 0.5, 0.4}) ==
        std::vector<double>{kLimpqForbidden, 0.5, kLimpqForbidden});
  CHECK(contains(error_of([&] { limpq_forbid_outliers(bits, {1.0}); }), "expected one indicator for each of 5"));
  CHECK(contains(error_of([&] { limpq_forbid_outliers({2}, {NAN}); }), "at 2 bits must be finite"));
}

TEST_CASE("the published ResNet-50 program is reproduced: sizes, limits, two forbidden entries") {
  const MckpProblem problem = testing::limpq_resnet50_program();
  REQUIRE(problem.groups.size() == 52);
  CHECK(problem.limits[0].limit == 48284565504.0);
  CHECK(problem.limits[1].limit == 50433619.93442623);
  int forbidden = 0;
  mckp::CompensatedSum values, bitops, sizes;
  for (const MckpGroup& group : problem.groups) {
    REQUIRE(group.choices.size() == 25);
    for (const MckpChoice& choice : group.choices) {
      forbidden += choice.value > 1e7;
      if (choice.value < 1e7) values.add(choice.value);
      bitops.add(choice.costs[0]);
      sizes.add(choice.costs[1]);
    }
  }
  CHECK(forbidden == 2 * 5);  // two weight entries, each in the choices of five activation bits
  // Sums over the published file.
  CHECK(values.value() == doctest::Approx(130.6634804008063).epsilon(1e-13));
  CHECK(bitops.value() == 1609485516800.0);
  CHECK(sizes.value() == 2344550400.0);
  CHECK(problem.groups[0].choices[2].label == "w6a4");
  CHECK(problem.groups[0].choices[2].value == doctest::Approx(0.24218950793147087).epsilon(1e-15));
}

TEST_CASE("the solver proves the bits that LIMPQ's authors fine-tuned to be the optimum of their program") {
  // From the released fine-tuning configuration of ResNet-50, 12.2x.
  const int weight[52] = {6, 3, 4, 5, 4, 4, 5, 4, 4, 5, 4, 3, 4, 3, 3, 3, 4, 4, 3, 4, 4, 3, 4, 3, 2, 3,
                          2, 3, 2, 3, 3, 2, 2, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2};
  const int activation[52] = {6, 4, 6, 6, 6, 3, 4, 6, 3, 4, 5, 3, 5, 5, 6, 3, 4, 5, 3, 4, 5, 3, 4, 4, 4, 6,
                              5, 5, 4, 5, 5, 4, 6, 5, 3, 5, 6, 3, 5, 6, 3, 6, 4, 4, 6, 2, 6, 4, 6, 6, 4, 6};
  const MckpProblem problem = testing::limpq_resnet50_program();
  const MckpSolution solution = solve_mckp(problem);
  REQUIRE(solution.status == MckpStatus::kOptimal);
  CHECK(solution.value == doctest::Approx(4.617439227178693).epsilon(1e-14));
  CHECK(solution.costs == std::vector<double>{48283189248.0, 50417664.0});
  for (std::size_t g = 0; g < 52; ++g) {
    const std::string expected = "w" + std::to_string(weight[g]) + "a" + std::to_string(activation[g]);
    CHECK(problem.groups[g].choices[static_cast<std::size_t>(solution.choice[g])].label == expected);
  }
  MESSAGE("ResNet-50: ", solution.nodes, " nodes, ", solution.seconds * 1e3, " ms");
}

#if __has_include(<glpk.h>)
TEST_CASE("GLPK finds the same optimum of the published ResNet-50 program") {
  const MckpProblem problem = testing::limpq_resnet50_program();
  const auto expected = testing::glpk_choice(problem);
  REQUIRE(expected.size() == 52);
  CHECK(solve_mckp(problem).value == doctest::Approx(mckp::total_value(problem, expected)).epsilon(1e-9));
}
#endif

TEST_CASE("malformed programs are refused with the layer at fault") {
  CHECK(contains(error_of([] {
                   limpq_program({{"conv1", 1, 1, {0.1}, {0.1, 0.2}}}, {4, 2}, {1, 1});
                 }),
                 "layer \"conv1\": expected 2 indicators for weights and activations, got 1 and 2"));
  CHECK(contains(error_of([] { limpq_limits({}, 0, 4, 12.2, 0); }), "expected positive levels"));
}

TEST_CASE("indicators of a network become values: alpha for weights, tensors shared by their readers") {
  LimpqIndicators indicators;
  indicators.weight_bits = {4, 2};
  indicators.activation_bits = {4, 2};
  indicators.weight_steps = {{0.1, 0.3}, {}, {0.4, 0.2}};
  indicators.activation_steps = {{}, {0.5, 0.7}};
  const BitChoices choices = limpq_choices(indicators);
  CHECK(choices.weight_value(0, 2) == 0.6);
  CHECK(choices.weight_value(2, 4) == 0.8);
  CHECK(choices.weight_value(2, 2) == kLimpqForbidden);
  CHECK(choices.activation_value(1, 2) == 0.7);
  CHECK(contains(error_of([&] { (void)choices.weight_value(1, 2); }), "no indicator for number 1 at 2 bits"));
  CHECK(contains(error_of([&] { (void)choices.weight_value(0, 3); }), "no indicator for number 0 at 3 bits"));
}
