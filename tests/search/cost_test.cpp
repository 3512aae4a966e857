#include "bitgrain/search/cost.hpp"

#include <doctest/doctest.h>

#include "error_of.hpp"
#include "search/small_network.hpp"

using namespace bitgrain;
using bitgrain::testing::small_network;

TEST_CASE("costs are counted as documented: payload, BitOps with the input tensor's bits, activation bytes") {
  const Allocation allocation{{{"conv2", 3}, {"short", 2}, {"conv3", 4}, {"fc", 3}},
                              {{"r1", 4}, {"r2", 3}, {"r3", 2}}};
  const AllocationCosts costs = costs_of(small_network(), allocation);
  CHECK(costs.weights == 282);
  CHECK(costs.payload_bits == 80 + 303 + 40 + 400 + 153);
  CHECK(costs.payload_bytes == 10 + 38 + 5 + 50 + 20);  // rounded up layer by layer
  CHECK(costs.model_bytes == costs.payload_bytes + 64);
  CHECK(costs.average_weight_bits == 976.0 / 282);
  CHECK(costs.macs == 45800);
  CHECK(costs.bitops == 1000 * 8 * 8 + 20000 * 3 * 4 + 4000 * 2 * 4 + 20300 * 4 * 3 + 500 * 3 * 2);
  CHECK(costs.activation_sum == 100 + 100 + 77 + 13);
  CHECK(costs.activation_max == 100);
  CHECK(costs.activation_peak == 100 + 100);  // step 0: image and r1; steps 1, 2: 177 and 190
  CHECK(costs.distinct_weight_bits == 4);     // 2, 3, 4 and the fixed 8
}

TEST_CASE("the peak is that of the worst step") {
  NetworkCosts network = small_network();
  network.tensors[0].elements = 80;
  const Allocation allocation{{{"conv2", 3}, {"short", 2}, {"conv3", 4}, {"fc", 3}},
                              {{"r1", 4}, {"r2", 3}, {"r3", 2}}};
  CHECK(costs_of(network, allocation).activation_peak == 100 + 77 + 13);  // step 2: r1, r2, r3
}

TEST_CASE("a tensor without bits is float, a layer without bits is an error") {
  const Allocation weights_only{{{"conv2", 2}, {"short", 2}, {"conv3", 2}, {"fc", 2}}, {}};
  const AllocationCosts costs = costs_of(small_network(), weights_only);
  CHECK(costs.activation_sum == 100 + 800 + 812 + 200);
  CHECK(costs.bitops == 64000 + 32 * 2 * (20000 + 4000 + 20300 + 500));
  CHECK(contains(error_of([] { costs_of(small_network(), {}); }), "no bits for \"conv2\""));
}

TEST_CASE("violations name every limit that is exceeded, and equality is within a limit") {
  const Allocation allocation{{{"conv2", 3}, {"short", 2}, {"conv3", 4}, {"fc", 3}},
                              {{"r1", 4}, {"r2", 3}, {"r3", 2}}};
  const AllocationCosts costs = costs_of(small_network(), allocation);
  Budget budget;
  CHECK(budget_violations(costs, budget).empty());
  budget.average_weight_bits = 976.0 / 282;
  budget.payload_bytes = 123;
  budget.model_bytes = 187;
  budget.bitops = static_cast<double>(costs.bitops);
  budget.activation_sum = 290;
  budget.activation_max = 100;
  budget.activation_peak = 200;
  CHECK(budget_violations(costs, budget).empty());
  budget.average_weight_bits = 3;
  budget.payload_bytes = 122;
  budget.model_bytes = 186;
  budget.bitops = 1;
  budget.activation_sum = 289;
  budget.activation_max = 99;
  budget.activation_peak = 199;
  const std::string text = budget_violations(costs, budget);
  for (const char* part : {"average_weight_bits is 3.4609929078, the limit is 3",
                           "payload_bytes is 123, the limit is 122", "model_bytes is 187, the limit is 186",
                           "bitops is 582600, the limit is 1", "activation_sum is 290, the limit is 289",
                           "activation_max is 100, the limit is 99", "activation_peak is 200, the limit is 199"})
    CHECK_MESSAGE(contains(text, part), part, " in ", text);
}

TEST_CASE("malformed descriptions are refused by the name of the layer or tensor") {
  NetworkCosts network = small_network();
  network.validate();
  network.layers[1].input_tensor = "r9";
  CHECK(contains(error_of([&] { network.validate(); }), "layer \"conv2\" reads tensor \"r9\", which is not listed"));
  network = small_network();
  network.layers[1].name = "fc";
  CHECK(contains(error_of([&] { network.validate(); }), "layer \"fc\" is listed twice"));
  network = small_network();
  network.tensors[1].name = "r2";
  CHECK(contains(error_of([&] { network.validate(); }), "tensor \"r2\" is listed twice"));
  network = small_network();
  network.tensors[1].last_step = -1;
  CHECK(contains(error_of([&] { network.validate(); }), "tensor \"r1\""));
  network = small_network();
  network.layers[3].macs = -1;
  CHECK(contains(error_of([&] { network.validate(); }), "layer \"conv3\""));
  network = small_network();
  network.tensors[0].fixed_bits = 0;
  CHECK(contains(error_of([&] { network.validate(); }), "\"image\" has no quantizer"));
}

TEST_CASE("latency is the sum of what the layers were measured to take at their bits, by hand") {
  NetworkCosts network = small_network();
  const Allocation allocation{{{"conv2", 3}, {"short", 2}, {"conv3", 4}, {"fc", 3}},
                              {{"r1", 4}, {"r2", 3}, {"r3", 2}}};
  CHECK_FALSE(costs_of(network, allocation).latency);
  Budget budget;
  budget.latency = 115.5e-6;
  CHECK(contains(error_of([&] { budget_violations(costs_of(network, allocation), budget); }),
                 "the budget limits latency, but the layers were not measured"));
  network.layers[0].latency.set(8, 8, 10e-6);
  network.layers[1].latency.set(3, 4, 40e-6);
  network.layers[2].latency.set(2, 4, 15.5e-6);
  network.layers[3].latency.set(4, 3, 30e-6);
  network.layers[3].latency.set(3, 4, 1);
  // Every layer must have been measured, at the bits it has.
  CHECK(contains(error_of([&] { costs_of(network, allocation); }),
                 "layer \"fc\" has no measured time at 3 weight bits and 2 input bits"));
  network.layers[4].latency.set(3, 2, 20e-6);
  const AllocationCosts costs = costs_of(network, allocation);
  CHECK(costs.latency == 115.5e-6);
  CHECK(budget_violations(costs, budget).empty());
  budget.latency = 115.499e-6;
  CHECK(budget_violations(costs, budget) == "latency is 115.5 us, the limit is 115.499 us");
  network.between_picoseconds = 4'500'000;
  CHECK(costs_of(network, allocation).latency == 120e-6);
  Allocation in_float = allocation;
  in_float.activations = {};
  CHECK(contains(error_of([&] { costs_of(network, in_float); }), "float activations run on no integer kernel"));
}

TEST_CASE("packed bytes round up") {
  CHECK(packed_bytes(0, 3) == 0);
  CHECK(packed_bytes(8, 1) == 1);
  CHECK(packed_bytes(9, 1) == 2);
  CHECK(packed_bytes(3, 5) == 2);
}
