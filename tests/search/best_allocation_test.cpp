// That an answer fits its budget, and that an impossible budget says what is possible.

#include "bitgrain/search/best_allocation.hpp"

#include <doctest/doctest.h>

#include "error_of.hpp"
#include "search/small_network.hpp"

using namespace bitgrain;

TEST_CASE("the best bits within a latency, where two bits are slower than three; an impossible latency says so") {
  NetworkCosts network = testing::small_network();
  for (LayerCost& layer : network.layers)
    for (int w = 1; w <= 8; ++w)
      for (int a = 1; a <= 8; ++a) layer.latency.set(w, a, (w == 2 ? 9 : w) * 1e-6);
  BitChoices choices;
  choices.weight_bits = {2, 3, 4};
  choices.activations = {{"r1", 4}, {"r2", 4}, {"r3", 4}};
  choices.weight_value = [](std::size_t, int bits) { return 1.0 / bits; };
  Budget budget;
  budget.latency = 22e-6;  // conv1 takes 8, the others 3 or 4: two of the four may have 4 bits
  const BestAllocation best = best_allocation(network, choices, budget, "test");
  CHECK(best.solution.status == MckpStatus::kOptimal);
  CHECK(costs_of(network, best.allocation).latency == 22e-6);
  budget.latency = 19.999999e-6;
  const std::string text = error_of([&] { best_allocation(network, choices, budget, "test"); });
  INFO(text);
  CHECK(contains(text, "test: no bits fit the budget: infeasible"));
  CHECK(contains(text, "The least possible latency is 20 us with weight bits conv1=8 conv2=3 short=3 conv3=3 fc=3"));
  CHECK(contains(text, "the limit is 19.999999 us."));
  budget = {};
  budget.average_weight_bits = 1.5;
  CHECK_FALSE(contains(error_of([&] { best_allocation(network, choices, budget, "test"); }), "latency"));
}
