#pragma once

/// From "which bits for which layer, within this budget" to a multiple-choice knapsack problem, and back.
///
/// An activation quantizer belongs to a tensor, so all layers that read one tensor see the same bits, and BitOps tie
/// their weight bits to it. A group of the problem is therefore
///
///  - a tensor whose bits are open together with all layers that read it (choices: activation bits x weight bits of
///    every reader; for most tensors that is one layer, "w3a4"), or
///  - a layer that reads a tensor of fixed bits ("w3"), or
///  - a tensor that no layer reads, such as a shortcut ("a4"), where the budget limits activations.
///
/// Measured latency ties them in the same way, by a table instead of a product.
///
/// Fixed layers and tensors are choices without alternative, so the costs of a solution are those of the network.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bitgrain/base/check.hpp"
#include "bitgrain/quant/allocation.hpp"
#include "bitgrain/search/budget.hpp"
#include "bitgrain/search/cost.hpp"
#include "bitgrain/search/mckp_problem.hpp"

namespace bitgrain {

/// How much is lost (any unit) when layer or tensor number `index` of NetworkCosts gets `bits`.
using BitValue = std::function<double(std::size_t index, int bits)>;

/// What a search may choose among, and how it values it.
struct BitChoices {
  std::vector<int> weight_bits;  ///< candidates for every layer that is not fixed
  std::vector<int>
      activation_bits;        ///< candidates for every tensor that is not fixed; empty: activations stay as given
  BitsByName activations;     ///< bits of tensors where `activation_bits` is empty; without an entry: float, 32
  BitValue weight_value;      ///< of NetworkCosts::layers[index]
  BitValue activation_value;  ///< of NetworkCosts::tensors[index]; unused where `activation_bits` is empty
};

/// A knapsack problem and what its choices stand for.
struct AllocationProblem {
  MckpProblem problem;

  /// The allocation that picks `choice[g]` in group g. Fixed layers and tensors are included; tensors that have no
  /// quantizer or stay float are not.
  Allocation allocation(const std::vector<int>& choice) const {
    BITGRAIN_CHECK(choice.size() == meaning.size(), "expected one choice for each of ", meaning.size(),
                   " groups, got ", choice.size());
    std::vector<int> layer_bits(layers.size(), 0), tensor_bits(tensors.size(), 0);
    for (std::size_t g = 0; g < meaning.size(); ++g) {
      const std::vector<int>& bits = meaning[g].bits.at(static_cast<std::size_t>(choice[g]));
      for (std::size_t k = 0; k < meaning[g].layers.size(); ++k) layer_bits[meaning[g].layers[k]] = bits[k];
      if (meaning[g].tensor >= 0) tensor_bits[static_cast<std::size_t>(meaning[g].tensor)] = bits.back();
    }
    Allocation result;
    for (std::size_t l = 0; l < layers.size(); ++l) result.weights.set(layers[l], layer_bits[l]);
    for (std::size_t t = 0; t < tensors.size(); ++t)
      if (tensor_is_named[t] && tensor_bits[t] < 32) result.activations.set(tensors[t], tensor_bits[t]);
    return result;
  }

  /// What a group decides: bits[choice] holds the weight bits of `layers`, then, if there is a tensor, its bits.
  struct Meaning {
    std::vector<std::size_t> layers;
    int tensor = -1;
    std::vector<std::vector<int>> bits;
  };
  std::vector<Meaning> meaning;              ///< one per group
  std::vector<std::string> layers, tensors;  ///< names, in the order of NetworkCosts
  std::vector<bool> tensor_is_named;         ///< whether allocations name the tensor
};

namespace detail {

/// Builds the groups of an AllocationProblem one after the other.
class AllocationProblemBuilder {
 public:
  AllocationProblemBuilder(const NetworkCosts& network, const BitChoices& choices, const Budget& budget)
      : network_(network), choices_(choices), budget_(budget) {
    network.validate();
    budget.validate();
    for (std::size_t t = 0; t < network.tensors.size(); ++t) tensor_index_[network.tensors[t].name] = t;
    for (const LayerCost& layer : network.layers) result_.layers.push_back(layer.name);
    for (const TensorCost& tensor : network.tensors) {
      result_.tensors.push_back(tensor.name);
      result_.tensor_is_named.push_back(tensor.has_quantizer);
    }
    check_choices();
    add_limits();
  }

  AllocationProblem build() {
    std::vector<std::vector<std::size_t>> readers(network_.tensors.size());
    for (std::size_t l = 0; l < network_.layers.size(); ++l)
      readers[tensor_index_.at(network_.layers[l].input_tensor)].push_back(l);
    for (std::size_t t = 0; t < network_.tensors.size(); ++t) {
      if (candidates_of_tensor(t).size() > 1) {
        add_group(readers[t], t);
      } else {
        // With one choice of bits nothing ties the readers to each other.
        for (const std::size_t l : readers[t]) add_group({l}, t, false);
        add_group({}, t);
      }
    }
    return std::move(result_);
  }

 private:
  static constexpr std::size_t kMostChoices = 100'000;

  void check_choices() const {
    for (const auto* candidates : {&choices_.weight_bits, &choices_.activation_bits})
      for (const int bits : *candidates)
        BITGRAIN_CHECK(bits >= 1 && bits <= 32, "candidate bits must be 1 to 32, got ", bits);
    for (const LayerCost& layer : network_.layers)
      BITGRAIN_CHECK(layer.fixed_bits > 0 || (!choices_.weight_bits.empty() && choices_.weight_value), "layer \"",
                     layer.name, "\" is open, but there are no candidate bits or no values for them");
    for (const TensorCost& tensor : network_.tensors)
      BITGRAIN_CHECK(tensor.fixed_bits > 0 || choices_.activation_bits.empty() || choices_.activation_value,
                     "tensor \"", tensor.name, "\" is open, but there are no values for its bits");
  }

  void add_limits() {
    auto& limits = result_.problem.limits;
    if (budget_.average_weight_bits) {
      std::int64_t weights = 0;
      for (const LayerCost& layer : network_.layers) weights += layer.weights;
      limits.push_back({"payload_bits", static_cast<double>(most_payload_bits(weights))});
    }
    if (budget_.payload_bytes) limits.push_back({"payload_bytes", *budget_.payload_bytes});
    if (budget_.model_bytes)
      limits.push_back({"model_payload_bytes", *budget_.model_bytes - static_cast<double>(network_.overhead_bytes)});
    if (budget_.bitops) limits.push_back({"bitops", *budget_.bitops});
    if (budget_.activation_sum) limits.push_back({"activation_sum", *budget_.activation_sum});
    if (budget_.latency)
      limits.push_back({"latency of the layers in picoseconds",
                        static_cast<double>(most_picoseconds(*budget_.latency) - network_.between_picoseconds)});
    if (budget_.activation_peak)
      for (const int step : widest_steps()) {
        peak_steps_.push_back(step);
        limits.push_back({"activation_peak at step " + std::to_string(step), *budget_.activation_peak});
      }
  }

  // The largest number of bits whose average over `weights`, as a double, does not exceed the budget.
  std::int64_t most_payload_bits(std::int64_t weights) const {
    const double average = *budget_.average_weight_bits;
    auto bits = static_cast<std::int64_t>(std::min(average, 64.0) * static_cast<double>(weights)) + 2;
    while (bits > 0 && static_cast<double>(bits) / static_cast<double>(weights) > average) --bits;
    return bits;
  }

  bool alive(const TensorCost& tensor, int step) const {
    return tensor.first_step <= step && step <= tensor.last_step;
  }
  // Steps whose set of live tensors is not part of another step's: only these can hold the peak.
  std::vector<int> widest_steps() const {
    int steps = 0;
    for (const TensorCost& tensor : network_.tensors) steps = std::max(steps, tensor.last_step + 1);
    std::vector<int> result;
    for (int s = 0; s < steps; ++s) {
      bool part_of_another = false;
      for (int other = 0; other < steps && !part_of_another; ++other) {
        if (other == s) continue;
        bool within = true, equal = true;
        for (const TensorCost& tensor : network_.tensors) {
          if (alive(tensor, s) && !alive(tensor, other)) within = false;
          if (alive(tensor, s) != alive(tensor, other)) equal = false;
        }
        part_of_another = within && (!equal || other < s);
      }
      if (!part_of_another) result.push_back(s);
    }
    return result;
  }

  std::vector<int> candidates_of_layer(std::size_t l) const {
    if (network_.layers[l].fixed_bits > 0) return {network_.layers[l].fixed_bits};
    return choices_.weight_bits;
  }
  std::vector<int> candidates_of_tensor(std::size_t t) const {
    const TensorCost& tensor = network_.tensors[t];
    if (tensor.fixed_bits > 0) return {tensor.fixed_bits};
    if (choices_.activation_bits.empty()) return {choices_.activations.get(tensor.name, 32)};
    return choices_.activation_bits;
  }
  bool tensor_is_open(std::size_t t) const {
    return network_.tensors[t].fixed_bits == 0 && !choices_.activation_bits.empty();
  }

  // All combinations of weight bits of `layers` and bits of tensor `t`, in the order of the candidates.
  // `owns_tensor`: the group decides the tensor and carries its costs; otherwise it only reads its one choice.
  void add_group(const std::vector<std::size_t>& layers, std::size_t t, bool owns_tensor = true) {
    std::vector<std::vector<int>> candidates;
    std::size_t count = 1;
    for (const std::size_t l : layers) candidates.push_back(candidates_of_layer(l));
    candidates.push_back(candidates_of_tensor(t));
    for (const auto& list : candidates) count *= list.size();
    const TensorCost& tensor = network_.tensors[t];
    BITGRAIN_CHECK(count <= kMostChoices, "tensor \"", tensor.name, "\" and its ", layers.size(), " readers have ",
                   count, " combinations of bits; at most ", kMostChoices, " are supported");

    AllocationProblem::Meaning meaning;
    meaning.layers = layers;
    meaning.tensor = owns_tensor ? static_cast<int>(t) : -1;
    MckpGroup group;
    for (const std::size_t l : layers) group.name += (group.name.empty() ? "" : "+") + network_.layers[l].name;
    if (group.name.empty()) group.name = "tensor " + tensor.name;
    for (std::size_t number = 0; number < count; ++number) {
      std::vector<int> bits(candidates.size());
      std::size_t rest = number;
      for (std::size_t k = candidates.size(); k-- > 0; rest /= candidates[k].size())
        bits[k] = candidates[k][rest % candidates[k].size()];
      if (owns_tensor && too_large(t, bits.back())) continue;
      group.choices.push_back(choice_of(layers, t, owns_tensor, bits));
      if (!owns_tensor) bits.pop_back();
      meaning.bits.push_back(std::move(bits));
    }
    BITGRAIN_CHECK(!group.choices.empty(), "tensor \"", tensor.name, "\" of ", tensor.elements,
                   " elements exceeds activation_max = ", *budget_.activation_max,
                   " bytes at all its candidate bits");
    result_.problem.groups.push_back(std::move(group));
    result_.meaning.push_back(std::move(meaning));
  }

  bool too_large(std::size_t t, int bits) const {
    return budget_.activation_max &&
           static_cast<double>(packed_bytes(network_.tensors[t].elements, bits)) > *budget_.activation_max;
  }

  MckpChoice choice_of(const std::vector<std::size_t>& layers, std::size_t t, bool owns_tensor,
                       const std::vector<int>& bits) const {
    MckpChoice choice;
    std::int64_t payload_bits = 0, payload_bytes = 0, bitops = 0, picoseconds = 0;
    const int tensor_bits = bits.back();
    for (std::size_t k = 0; k < layers.size(); ++k) {
      const LayerCost& layer = network_.layers[layers[k]];
      choice.label += (k == 0 ? "w" : ",") + std::to_string(bits[k]);
      if (layer.fixed_bits == 0) choice.value += choices_.weight_value(layers[k], bits[k]);
      payload_bits += layer.weights * bits[k];
      payload_bytes += packed_bytes(layer.weights, bits[k]);
      bitops += layer.macs * bits[k] * tensor_bits;
      if (budget_.latency) picoseconds += picoseconds_of(layer, bits[k], tensor_bits);
    }
    if (owns_tensor) {
      choice.label += "a" + std::to_string(tensor_bits);
      if (tensor_is_open(t)) choice.value += choices_.activation_value(t, tensor_bits);
    }
    const std::int64_t tensor_bytes = owns_tensor ? packed_bytes(network_.tensors[t].elements, tensor_bits) : 0;
    if (budget_.average_weight_bits) choice.costs.push_back(static_cast<double>(payload_bits));
    if (budget_.payload_bytes) choice.costs.push_back(static_cast<double>(payload_bytes));
    if (budget_.model_bytes) choice.costs.push_back(static_cast<double>(payload_bytes));
    if (budget_.bitops) choice.costs.push_back(static_cast<double>(bitops));
    if (budget_.activation_sum) choice.costs.push_back(static_cast<double>(tensor_bytes));
    if (budget_.latency) choice.costs.push_back(static_cast<double>(picoseconds));
    for (const int step : peak_steps_)
      choice.costs.push_back(alive(network_.tensors[t], step) ? static_cast<double>(tensor_bytes) : 0.0);
    return choice;
  }

  const NetworkCosts& network_;
  const BitChoices& choices_;
  const Budget& budget_;
  AllocationProblem result_;
  std::unordered_map<std::string, std::size_t> tensor_index_;
  std::vector<int> peak_steps_;
};

}  // namespace detail

/// The problem of choosing bits for `network` within `budget`. `solve_mckp` it and read the answer with
/// `AllocationProblem::allocation`. Throws Error if `network` or `budget` is malformed, if candidates are missing, if
/// a tensor exceeds `activation_max` whatever its bits, or if the budget limits latency and a layer was not measured
/// at its candidate bits.
inline AllocationProblem allocation_problem(const NetworkCosts& network, const BitChoices& choices,
                                            const Budget& budget) {
  return detail::AllocationProblemBuilder(network, choices, budget).build();
}

}  // namespace bitgrain
