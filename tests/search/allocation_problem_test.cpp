#include "bitgrain/search/allocation_problem.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <limits>
#include <vector>

#include "bitgrain/base/random.hpp"
#include "bitgrain/search/mckp.hpp"
#include "error_of.hpp"
#include "search/small_network.hpp"

using namespace bitgrain;
using bitgrain::testing::small_network;

namespace {

// Random losses that fall with bits.
BitChoices random_choices(std::vector<int> weight_bits, std::vector<int> activation_bits, RandomStream& random) {
  std::vector<double> scale(20);
  for (double& s : scale) s = random.uniform(0.1, 2.0);
  BitChoices choices;
  choices.weight_bits = std::move(weight_bits);
  choices.activation_bits = std::move(activation_bits);
  choices.weight_value = [scale](std::size_t l, int bits) { return scale[l] / bits; };
  choices.activation_value = [scale](std::size_t t, int bits) { return scale[10 + t] / bits; };
  return choices;
}

// The best allocation by trying all of them, judged by the cost model alone.
double best_value(const NetworkCosts& network, const BitChoices& choices, const Budget& budget) {
  std::vector<const std::vector<int>*> lists;
  const std::vector<int> fixed{0};
  for (const auto& layer : network.layers) lists.push_back(layer.fixed_bits ? &fixed : &choices.weight_bits);
  for (const auto& tensor : network.tensors)
    lists.push_back(tensor.fixed_bits || choices.activation_bits.empty() ? &fixed : &choices.activation_bits);
  double best = std::numeric_limits<double>::infinity();
  std::vector<std::size_t> at(lists.size(), 0);
  while (true) {
    Allocation allocation;
    double value = 0;
    for (std::size_t l = 0; l < network.layers.size(); ++l)
      if (const int bits = (*lists[l])[at[l]]; bits > 0) {
        allocation.weights.set(network.layers[l].name, bits);
        value += choices.weight_value(l, bits);
      }
    for (std::size_t t = 0; t < network.tensors.size(); ++t) {
      const std::size_t k = network.layers.size() + t;
      if (const int bits = (*lists[k])[at[k]]; bits > 0) {
        allocation.activations.set(network.tensors[t].name, bits);
        value += choices.activation_value(t, bits);
      } else if (network.tensors[t].fixed_bits == 0) {
        allocation.activations.set(network.tensors[t].name, choices.activations.get(network.tensors[t].name, 32));
      }
    }
    if (budget_violations(costs_of(network, allocation), budget).empty()) best = std::min(best, value);
    std::size_t k = 0;
    for (; k < at.size(); ++k) {
      if (++at[k] < lists[k]->size()) break;
      at[k] = 0;
    }
    if (k == at.size()) return best;
  }
}

// Times that know nothing of order: fewer bits may take longer.
NetworkCosts with_random_latencies(NetworkCosts network, RandomStream& random) {
  for (LayerCost& layer : network.layers)
    for (int w = 1; w <= 8; ++w)
      for (int a = 1; a <= 8; ++a) layer.latency.set(w, a, random.uniform(1e-6, 20e-6));
  network.between_picoseconds = random.below(5'000'000);
  return network;
}

Budget random_budget(const NetworkCosts& network, int low, int high, RandomStream& random) {
  Allocation small, large;
  for (const auto& layer : network.layers) {
    small.weights.set(layer.name, low);
    large.weights.set(layer.name, high);
  }
  for (const auto& tensor : network.tensors) {
    small.activations.set(tensor.name, low);
    large.activations.set(tensor.name, high);
  }
  const AllocationCosts a = costs_of(network, small), b = costs_of(network, large);
  const auto between = [&](double least, double most) { return least + random.uniform(0.2, 0.8) * (most - least); };
  Budget budget;
  if (random.bernoulli(0.6)) budget.average_weight_bits = between(a.average_weight_bits, b.average_weight_bits);
  if (random.bernoulli(0.3))
    budget.payload_bytes = between(static_cast<double>(a.payload_bytes), static_cast<double>(b.payload_bytes));
  if (random.bernoulli(0.3))
    budget.model_bytes = between(static_cast<double>(a.model_bytes), static_cast<double>(b.model_bytes));
  if (random.bernoulli(0.6)) budget.bitops = between(static_cast<double>(a.bitops), static_cast<double>(b.bitops));
  if (random.bernoulli(0.3))
    budget.activation_sum = between(static_cast<double>(a.activation_sum), static_cast<double>(b.activation_sum));
  if (random.bernoulli(0.3))
    budget.activation_peak = between(static_cast<double>(a.activation_peak), static_cast<double>(b.activation_peak));
  if (random.bernoulli(0.3)) budget.activation_max = static_cast<double>(b.activation_max);
  if (network.has_latencies() && random.bernoulli(0.7)) budget.latency = random.uniform(10e-6, 70e-6);
  return budget;
}

}  // namespace

TEST_CASE("the problem's optimum is the best allocation the cost model knows, under every kind of budget") {
  RandomStream random(5, "allocation problem");
  int found = 0, infeasible = 0;
  for (int trial = 0; trial < 60; ++trial) {
    const NetworkCosts network = trial < 30 ? small_network() : with_random_latencies(small_network(), random);
    const bool joint = trial % 2 == 0;
    BitChoices choices = random_choices({2, 3, 5}, joint ? std::vector<int>{2, 4, 6} : std::vector<int>{}, random);
    choices.activations = {{"r1", 4}, {"r2", 4}, {"r3", 3}};
    const Budget budget = random_budget(network, 2, 6, random);
    const double expected = best_value(network, choices, budget);
    const AllocationProblem problem = allocation_problem(network, choices, budget);
    const MckpSolution solution = solve_mckp(problem.problem);
    CAPTURE(budget.text());
    CHECK((solution.status == MckpStatus::kOptimal) == std::isfinite(expected));
    if (solution.status != MckpStatus::kOptimal) {
      ++infeasible;
      continue;
    }
    ++found;
    CHECK(solution.value == doctest::Approx(expected).epsilon(1e-12));
    const Allocation allocation = problem.allocation(solution.choice);
    CHECK(budget_violations(costs_of(network, allocation), budget) == "");
    CHECK(allocation.weights.at("conv1") == 8);
    CHECK(!allocation.activations.contains("image"));
    if (!joint) CHECK(allocation.activations == choices.activations);
  }
  CHECK(found >= 30);
  CHECK(infeasible >= 3);
}

TEST_CASE("latency enters as a table of the two bits that it depends on, in whole picoseconds") {
  NetworkCosts network = small_network();
  RandomStream random(6, "latency");
  const BitChoices choices = random_choices({2, 4}, {2, 4}, random);
  Budget budget;
  budget.latency = 1e-3;
  CHECK(contains(error_of([&] { allocation_problem(network, choices, budget); }),
                 "layer \"conv1\" has no measured time at 8 weight bits and 8 input bits"));
  for (LayerCost& layer : network.layers)
    for (int w = 1; w <= 8; ++w)
      for (int a = 1; a <= 8; ++a) layer.latency.set(w, a, (w + 10 * a) * 1e-9 + (layer.name == "short" ? 1e-6 : 0));
  const AllocationProblem problem = allocation_problem(network, choices, budget);
  REQUIRE(problem.problem.limits.size() == 1);
  CHECK(problem.problem.limits[0].limit == 1e9);
  network.between_picoseconds = 5;
  CHECK(allocation_problem(network, choices, budget).problem.limits[0].limit == 1e9 - 5);
  const MckpGroup& joint = problem.problem.groups[2];
  REQUIRE(joint.choices[5].label == "w4,2a4");
  CHECK(joint.choices[5].costs == std::vector<double>{44e3 + 42e3 + 1e6});
}

TEST_CASE("layers that read one tensor share a group when its bits are open, and only then") {
  const NetworkCosts network = small_network();
  RandomStream random(1, "groups");
  BitChoices choices = random_choices({2, 4}, {2, 4}, random);
  Budget budget;
  budget.bitops = 1e6;
  const AllocationProblem joint = allocation_problem(network, choices, budget);
  std::vector<std::string> names;
  for (const auto& group : joint.problem.groups) names.push_back(group.name);
  CHECK(names == std::vector<std::string>{"conv1", "tensor image", "conv2+short", "conv3", "fc"});
  CHECK(joint.problem.groups[2].choices.size() == 8);
  CHECK(joint.problem.groups[2].choices[1].label == "w2,2a4");
  CHECK(joint.problem.groups[2].choices[1].costs == std::vector<double>{2.0 * 4 * 24000});
  CHECK(joint.problem.groups[3].choices[2].label == "w4a2");

  choices.activation_bits.clear();
  names.clear();
  const AllocationProblem separate = allocation_problem(network, choices, budget);
  for (const auto& group : separate.problem.groups) names.push_back(group.name);
  CHECK(names == std::vector<std::string>{"conv1", "tensor image", "conv2", "short", "tensor r1", "conv3",
                                          "tensor r2", "fc", "tensor r3"});
}

TEST_CASE("an average of bits that is met exactly fits, although it is not a round number of bits") {
  NetworkCosts network = small_network();
  RandomStream random(2, "average");
  const BitChoices choices = random_choices({2, 3}, {}, random);
  for (int bits = 700; bits < 926; ++bits) {
    Budget budget;
    budget.average_weight_bits = static_cast<double>(bits) / 282;
    const AllocationProblem problem = allocation_problem(network, choices, budget);
    REQUIRE(problem.problem.limits[0].limit == bits);
  }
}

TEST_CASE("the largest tensor is limited by dropping choices, and refused by name when none is left") {
  const NetworkCosts network = small_network();
  RandomStream random(3, "max");
  const BitChoices choices = random_choices({2}, {2, 4, 8}, random);
  Budget budget;
  budget.activation_max = 110;
  const AllocationProblem problem = allocation_problem(network, choices, budget);
  CHECK(problem.problem.groups[2].choices.size() == 2);  // r1 of 200 elements: 2 and 4 bits
  CHECK(problem.problem.groups[4].choices.size() == 3);
  const Allocation allocation = problem.allocation(solve_mckp(problem.problem).choice);
  CHECK(costs_of(network, allocation).activation_max <= 110);
  budget.activation_max = 99;
  CHECK(contains(error_of([&] { allocation_problem(network, choices, budget); }),
                 "tensor \"image\" of 100 elements exceeds activation_max = 99 bytes"));
}

TEST_CASE("missing candidates and values are refused by the name of the layer or tensor") {
  const NetworkCosts network = small_network();
  BitChoices choices;
  CHECK(contains(error_of([&] { allocation_problem(network, choices, {}); }), "layer \"conv2\" is open"));
  RandomStream random(4, "missing");
  choices = random_choices({2, 0}, {}, random);
  CHECK(
      contains(error_of([&] { allocation_problem(network, choices, {}); }), "candidate bits must be 1 to 32, got 0"));
  choices = random_choices({2}, {4}, random);
  choices.activation_value = nullptr;
  CHECK(contains(error_of([&] { allocation_problem(network, choices, {}); }), "tensor \"r1\" is open"));
  choices = random_choices({2}, {4}, random);
  const AllocationProblem problem = allocation_problem(network, choices, {});
  CHECK(contains(error_of([&] { (void)problem.allocation({0, 0}); }), "expected one choice for each of"));
}
