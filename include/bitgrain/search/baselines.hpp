#pragma once

/// Allocations that learn nothing: what every search must beat at the same budget.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/base/check.hpp"
#include "bitgrain/base/random.hpp"
#include "bitgrain/quant/allocation.hpp"
#include "bitgrain/search/best_allocation.hpp"
#include "bitgrain/search/budget.hpp"
#include "bitgrain/search/cost.hpp"

namespace bitgrain {

/// The same weight bits for every layer and the same activation bits for every tensor (32: float), fixed ones aside.
inline Allocation uniform_allocation(const NetworkCosts& network, int weight_bits, int activation_bits) {
  network.validate();
  Allocation allocation;
  for (const LayerCost& layer : network.layers)
    allocation.weights.set(layer.name, layer.fixed_bits > 0 ? layer.fixed_bits : weight_bits);
  for (const TensorCost& tensor : network.tensors) {
    const int bits = tensor.fixed_bits > 0 ? tensor.fixed_bits : activation_bits;
    if (tensor.has_quantizer && bits < 32) allocation.activations.set(tensor.name, bits);
  }
  return allocation;
}

/// The uniform allocation of the largest weight bits among `candidates` that fits `budget`, at the given activation
/// bits. Throws Error, naming what is exceeded, if none fits.
inline Allocation largest_uniform_allocation(const NetworkCosts& network, std::vector<int> candidates,
                                             int activation_bits, const Budget& budget) {
  budget.validate();
  BITGRAIN_CHECK(!candidates.empty(), "a uniform allocation needs candidate bits");
  std::sort(candidates.begin(), candidates.end());
  for (std::size_t i = candidates.size(); i-- > 0;) {
    const Allocation allocation = uniform_allocation(network, candidates[i], activation_bits);
    const std::string violations = budget_violations(costs_of(network, allocation), budget);
    if (violations.empty()) return allocation;
    if (i > 0) continue;
    BitChoices choices;
    choices.weight_bits = candidates;
    choices.activations = allocation.activations;
    fail(budget.latency ? "all of the candidates, at last " : "even ", candidates[i],
         " bits everywhere exceed the budget: ", violations, budget.latency ? "." : "",
         least_latency_text(network, choices, budget));
  }
  return {};
}

/// A random allocation that uses up `budget`: every open layer draws one of `candidates` uniformly; while the budget
/// is exceeded, a random layer that can goes down to its next candidate; then, as long as some layer's next candidate
/// fits, a random one of those goes up. The result never exceeds the budget, and no single layer can be raised any
/// more. Same seed, same allocation. `activations` are the bits of the tensors, as they stay.
///
/// Latency may rise as bits fall. Where the smallest candidates exceed a budget that limits it, the way up starts at
/// the allocation that fits and is best by random values, if there is one.
///
/// Throws Error, naming what is exceeded, if nothing fits.
inline Allocation random_allocation(const NetworkCosts& network, std::vector<int> candidates,
                                    const BitsByName& activations, const Budget& budget, std::uint64_t seed) {
  network.validate();
  budget.validate();
  BITGRAIN_CHECK(!candidates.empty(), "a random allocation needs candidate bits");
  std::sort(candidates.begin(), candidates.end());
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
  RandomStream random(seed, "random_allocation");
  const auto draw = [&](std::size_t count) { return random.below(static_cast<std::uint32_t>(count)); };

  std::vector<std::size_t> level(network.layers.size(), 0);  // index into candidates
  std::vector<std::size_t> open;
  for (std::size_t l = 0; l < level.size(); ++l)
    if (network.layers[l].fixed_bits == 0) {
      open.push_back(l);
      level[l] = draw(candidates.size());
    }
  const auto allocation = [&] {
    Allocation result;
    result.activations = activations;
    for (std::size_t l = 0; l < level.size(); ++l) {
      const LayerCost& layer = network.layers[l];
      result.weights.set(layer.name, layer.fixed_bits > 0 ? layer.fixed_bits : candidates[level[l]]);
    }
    return result;
  };
  const auto violations = [&] { return budget_violations(costs_of(network, allocation()), budget); };

  for (std::string exceeded = violations(); !exceeded.empty(); exceeded = violations()) {
    std::vector<std::size_t> lowerable;
    for (const std::size_t l : open)
      if (level[l] > 0) lowerable.push_back(l);
    if (!lowerable.empty()) {
      --level[lowerable[draw(lowerable.size())]];
      continue;
    }
    BITGRAIN_CHECK(budget.latency, "even ", candidates[0], " bits everywhere exceed the budget: ", exceeded);
    std::vector<double> values(level.size() * candidates.size());
    for (double& value : values) value = random.uniform(0, 1);
    BitChoices choices;
    choices.weight_bits = candidates;
    choices.activations = activations;
    choices.weight_value = [&](std::size_t l, int bits) {
      const auto k = std::find(candidates.begin(), candidates.end(), bits) - candidates.begin();
      return values[l * candidates.size() + static_cast<std::size_t>(k)];
    };
    const Allocation fitting = best_allocation(network, choices, budget, "random allocation").allocation;
    for (const std::size_t l : open)
      level[l] = static_cast<std::size_t>(
          std::find(candidates.begin(), candidates.end(), fitting.weights.at(network.layers[l].name)) -
          candidates.begin());
  }
  // A try raises a layer or takes one out of the draw: what does not fit now will not fit later, unless another layer
  // gets faster as it is raised; then all have another turn.
  for (bool again = true; again;) {
    again = false;
    std::vector<std::size_t> turn = open;
    while (!turn.empty()) {
      const std::size_t at = draw(turn.size());
      std::size_t& raised = level[turn[at]];
      if (raised + 1 < candidates.size()) {
        ++raised;
        if (violations().empty()) {
          again = budget.latency.has_value();
          continue;
        }
        --raised;
      }
      turn.erase(turn.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  return allocation();
}

}  // namespace bitgrain
