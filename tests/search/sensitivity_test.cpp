#include "bitgrain/search/sensitivity.hpp"

#include <doctest/doctest.h>

#include <tuple>

#include "error_of.hpp"
#include "search_fixture.hpp"

using namespace bitgrain;

TEST_CASE("the greedy descent by hand: the layer whose loss rises least per bit saved steps down first") {
  SearchFixture f;
  Budget budget;
  SearchContext context{f.net, f.search_data, budget, f.options, {}};
  context.costs.tensors = {{"input", 10, 8, false, 0, 0}};
  context.costs.layers = {{"a", 100, 100, "input", 0}, {"b", 100, 100, "input", 0}};
  // candidates 2, 4, 8; b suffers at 2 bits, a hardly at all
  const std::vector<std::vector<double>> losses = {{0.02, 0.01, 0.0}, {3.0, 0.02, 0.0}};
  budget.average_weight_bits = 8;
  CHECK(SensitivitySearch::descend(context, {2, 4, 8}, losses).weights == BitsByName{{"a", 8}, {"b", 8}});
  budget.average_weight_bits = 6;
  CHECK(SensitivitySearch::descend(context, {2, 4, 8}, losses).weights == BitsByName{{"a", 4}, {"b", 8}});
  budget.average_weight_bits = 3;
  CHECK(SensitivitySearch::descend(context, {2, 4, 8}, losses).weights == BitsByName{{"a", 2}, {"b", 4}});
  budget.average_weight_bits = 1;
  CHECK_THROWS_WITH_AS(SensitivitySearch::descend(context, {2, 4, 8}, losses), doctest::Contains("even 2 bits"),
                       Error);
}

TEST_CASE("under a latency the descent takes the steps that save time, and the exact solver where none is left") {
  SearchFixture f;
  Budget budget;
  SearchContext context{f.net, f.search_data, budget, f.options, {}};
  context.costs.tensors = {{"input", 10, 8, false, 0, 0}};
  context.costs.layers = {{"a", 100, 100, "input", 0}, {"b", 100, 100, "input", 0}};
  const std::vector<std::vector<double>> losses = {{0.02, 0.01, 0.0}, {3.0, 0.02, 0.0}};
  LayerLatency &a = context.costs.layers[0].latency, &b = context.costs.layers[1].latency;
  const auto found = [&](double microseconds) {
    budget.latency = microseconds / 1e6;
    return SensitivitySearch::descend(context, {2, 4, 8}, losses).weights;
  };
  // a: 2 bits are fast, 4 are not; b: 4 bits are fast, 2 are slow.
  for (const auto& [bits, of_a, of_b] : {std::tuple{2, 1e-6, 9e-6}, {4, 5e-6, 2e-6}, {8, 5e-6, 5e-6}}) {
    a.set(bits, 8, of_a);
    b.set(bits, 8, of_b);
  }
  CHECK(found(10) == BitsByName{{"a", 8}, {"b", 8}});
  CHECK(found(9) == BitsByName{{"a", 2}, {"b", 8}});
  CHECK(found(3) == BitsByName{{"a", 2}, {"b", 4}});
  CHECK(contains(error_of([&] { found(2.9); }), "The least possible latency is 3 us"));
  // With bytes limited too the descent by bits ends where b is slow; the solver finds the way back.
  budget.average_weight_bits = 3;
  CHECK(found(3) == BitsByName{{"a", 2}, {"b", 4}});
  budget.average_weight_bits = 2;
  CHECK(contains(error_of([&] { found(3); }), "no bits fit the budget"));
}

TEST_CASE("sensitivity leaves the float weights alone, meets the budget and finds that fewer bits hurt more") {
  SearchFixture f;
  const auto before = f.weights();
  Budget budget;
  budget.average_weight_bits = 4;
  SensitivitySearch method({.images = 128});
  const auto sample = encode_images<float>(f.train.images.slice(0, 1), f.encoding);
  SearchContext context{f.net, f.search_data, budget, f.options, trace_costs(f.net, sample)};
  const Allocation allocation = method.allocate(context);
  CHECK(f.weights() == before);
  CHECK(costs_of(context.costs, allocation).average_weight_bits <= 4);
  REQUIRE(method.losses().size() == 8);
  double at_two = 0, at_eight = 0;
  for (const auto& row : method.losses()) {
    at_two += row.front();
    at_eight += row.back();
  }
  CHECK(at_two > 10 * std::abs(at_eight));
}
