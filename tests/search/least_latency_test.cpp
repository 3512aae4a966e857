// That the fastest allocation is found although fewer bits may be slower, against all allocations there are.

#include "bitgrain/search/least_latency.hpp"

#include <doctest/doctest.h>

#include "bitgrain/base/random.hpp"
#include "search/small_network.hpp"

using namespace bitgrain;

TEST_CASE("the least latency is that of the best of all allocations; of equals the one with more bits") {
  RandomStream random(3, "least latency");
  BitChoices choices;
  choices.weight_bits = {2, 3, 5};
  choices.activation_bits = {2, 4};
  for (int trial = 0; trial < 10; ++trial) {
    NetworkCosts network = testing::small_network();
    for (LayerCost& layer : network.layers)
      for (int w = 1; w <= 8; ++w)
        for (int a = 1; a <= 8; ++a) layer.latency.set(w, a, random.uniform(1e-6, 3e-6));
    network.between_picoseconds = trial * 1000;
    double least = 1;
    for (int number = 0; number < 81 * 8; ++number) {
      Allocation allocation;
      int rest = number;
      for (const char* layer : {"conv2", "short", "conv3", "fc"}) {
        allocation.weights.set(layer, choices.weight_bits[static_cast<std::size_t>(rest % 3)]);
        rest /= 3;
      }
      for (const char* tensor : {"r1", "r2", "r3"}) {
        allocation.activations.set(tensor, choices.activation_bits[static_cast<std::size_t>(rest % 2)]);
        rest /= 2;
      }
      least = std::min(least, *costs_of(network, allocation).latency);
    }
    const LeastLatency found = least_latency(network, choices);
    CHECK(found.seconds == least);
    CHECK(*costs_of(network, found.allocation).latency == least);
    CHECK(found.allocation.weights.at("conv1") == 8);
  }

  NetworkCosts even = testing::small_network();
  for (LayerCost& layer : even.layers)
    for (int w = 1; w <= 8; ++w)
      for (int a = 1; a <= 8; ++a) layer.latency.set(w, a, 1e-6);
  const LeastLatency found = least_latency(even, choices);
  CHECK(found.text() == "5 us with weight bits conv1=8 conv2=5 short=5 conv3=5 fc=5, activation bits r1=4 r2=4 r3=4");
  Budget budget;
  CHECK(least_latency_text(even, choices, budget).empty());
  budget.latency = 4e-6;
  CHECK(least_latency_text(even, choices, budget).ends_with("; the limit is 4 us."));
  // Activations that are not searched stay as they are.
  choices.activation_bits.clear();
  choices.activations = {{"r1", 3}, {"r2", 3}, {"r3", 3}};
  CHECK(least_latency(even, choices).allocation.activations == choices.activations);
}
