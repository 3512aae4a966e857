#include "bitgrain/search/baselines.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <set>
#include <string>

#include "error_of.hpp"
#include "search/small_network.hpp"

using namespace bitgrain;
using bitgrain::testing::small_network;

TEST_CASE("a uniform allocation gives every open layer and tensor the same bits and leaves fixed ones alone") {
  const Allocation allocation = uniform_allocation(small_network(), 3, 4);
  CHECK(allocation == Allocation{{{"conv1", 8}, {"conv2", 3}, {"short", 3}, {"conv3", 3}, {"fc", 3}},
                                 {{"r1", 4}, {"r2", 4}, {"r3", 4}}});
  CHECK(uniform_allocation(small_network(), 3, 32).activations.empty());
}

TEST_CASE("the largest uniform allocation within a budget is found, equality included") {
  const NetworkCosts network = small_network();
  Budget budget;
  budget.payload_bytes = 10 + 38 + 8 + 38 + 20;  // exactly 3 bits
  CHECK(largest_uniform_allocation(network, {2, 8, 3, 4}, 4, budget) == uniform_allocation(network, 3, 4));
  budget.payload_bytes = *budget.payload_bytes - 1;
  CHECK(largest_uniform_allocation(network, {2, 8, 3, 4}, 4, budget) == uniform_allocation(network, 2, 4));
  CHECK(largest_uniform_allocation(network, {2, 8, 3, 4}, 4, {}) == uniform_allocation(network, 8, 4));
  budget.payload_bytes = 20;
  CHECK(contains(error_of([&] {
                   largest_uniform_allocation(network, {3, 2}, 4, budget);
                 }),
                 "even 2 bits everywhere exceed the budget: payload_bytes is"));
}

TEST_CASE("random allocations never exceed the budget and leave no layer that could still be raised") {
  const NetworkCosts network = small_network();
  const std::vector<int> candidates{2, 3, 4, 6};
  const BitsByName activations{{"r1", 4}, {"r2", 4}, {"r3", 4}};
  Budget budget;
  budget.average_weight_bits = 3.6;
  budget.bitops = 750'000;
  std::set<std::string> different;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Allocation allocation = random_allocation(network, candidates, activations, budget, seed);
    CHECK(budget_violations(costs_of(network, allocation), budget) == "");
    CHECK(allocation.activations == activations);
    CHECK(allocation.weights.at("conv1") == 8);
    for (const auto& [name, bits] : allocation.weights) {
      if (name == "conv1" || bits == candidates.back()) continue;
      Allocation raised = allocation;
      raised.weights.set(name, *std::upper_bound(candidates.begin(), candidates.end(), bits));
      CHECK(budget_violations(costs_of(network, raised), budget) != "");
    }
    different.insert(allocation.text());
  }
  CHECK(different.size() > 5);
}

TEST_CASE("the same seed gives the same random allocation, whatever the order of the candidates") {
  const NetworkCosts network = small_network();
  Budget budget;
  budget.average_weight_bits = 4;
  const Allocation a = random_allocation(network, {2, 3, 4, 5}, {}, budget, 7);
  CHECK(a == random_allocation(network, {5, 4, 3, 2, 2}, {}, budget, 7));
  CHECK(a != random_allocation(network, {2, 3, 4, 5}, {}, budget, 8));
}

TEST_CASE("a budget that the smallest bits exceed is refused with what is exceeded") {
  Budget budget;
  budget.average_weight_bits = 1.5;
  CHECK(contains(error_of([&] {
                   random_allocation(small_network(), {2, 4}, {}, budget, 1);
                 }),
                 "even 2 bits everywhere exceed the budget: average_weight_bits is"));
  CHECK(contains(error_of([&] { random_allocation(small_network(), {}, {}, budget, 1); }), "needs candidate bits"));
}

TEST_CASE(
    "a latency that rises as bits fall: random and uniform bits fit whenever some do, and else say what is least") {
  const std::vector<int> candidates{2, 3, 4, 6};
  const BitsByName activations{{"r1", 4}, {"r2", 4}, {"r3", 4}};
  BitChoices choices;
  choices.weight_bits = candidates;
  choices.activations = activations;
  RandomStream random(4, "latencies");
  int tight = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    NetworkCosts network = small_network();
    for (LayerCost& layer : network.layers)
      for (int w = 1; w <= 8; ++w)
        for (int a = 1; a <= 8; ++a) layer.latency.set(w, a, random.uniform(1e-6, 3e-6));
    const double least = least_latency(network, choices).seconds;
    Budget budget;
    budget.latency = seed % 2 == 0 ? least : least * 1.2;
    const Allocation found = random_allocation(network, candidates, activations, budget, seed);
    CHECK(budget_violations(costs_of(network, found), budget) == "");
    CHECK(found == random_allocation(network, candidates, activations, budget, seed));
    for (const auto& [name, bits] : found.weights) {
      if (name == "conv1" || bits == candidates.back()) continue;
      Allocation raised = found;
      raised.weights.set(name, *std::upper_bound(candidates.begin(), candidates.end(), bits));
      CHECK(budget_violations(costs_of(network, raised), budget) != "");
    }
    if (seed % 2 == 0) CHECK(found == least_latency(network, choices).allocation);

    std::string uniform;
    for (const int bits : candidates)
      if (budget_violations(costs_of(network, uniform_allocation(network, bits, 4)), budget).empty())
        uniform = uniform_allocation(network, bits, 4).text();
    std::string largest;
    const std::string error =
        error_of([&] { largest = largest_uniform_allocation(network, candidates, 4, budget).text(); });
    CHECK(largest == uniform);
    CHECK(error.empty() == !uniform.empty());
    if (uniform.empty()) CHECK(contains(error, "The least possible latency is "));
    tight += uniform.empty() ? 1 : 0;

    budget.latency = least * 0.999;
    CHECK(contains(error_of([&] { random_allocation(network, candidates, activations, budget, seed); }),
                   "The least possible latency is " + seconds_text(least)));
  }
  CHECK(tight >= 10);
}
