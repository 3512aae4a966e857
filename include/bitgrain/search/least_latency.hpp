#pragma once

/// The allocation under which a network is fastest. Fewer bits are not always faster, so it is not the smallest one.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "bitgrain/search/allocation_problem.hpp"

namespace bitgrain {

struct LeastLatency {
  double seconds = 0;
  Allocation allocation;

  /// "231 us with weight bits conv1=8 conv2=2, activation bits relu1=4".
  std::string text() const {
    std::string text = seconds_text(seconds) + " with weight bits";
    for (const auto& [name, bits] : allocation.weights) text += " " + name + "=" + std::to_string(bits);
    if (!allocation.activations.empty()) text += ", activation bits";
    for (const auto& [name, bits] : allocation.activations) text += " " + name + "=" + std::to_string(bits);
    return text;
  }
};

/// The least latency that the candidates of `choices` allow; of equals the most bits. Layers depend on each other
/// through the tensor they read alone, so every tensor's bits are tried, each with the best bits of its readers.
/// Throws Error if a layer was not measured at its candidate bits.
inline LeastLatency least_latency(const NetworkCosts& network, const BitChoices& choices) {
  std::vector<int> layer_bits(network.layers.size(), 0), tensor_bits(network.tensors.size(), 0);
  std::int64_t total = network.between_picoseconds;
  for (std::size_t t = 0; t < network.tensors.size(); ++t) {
    const TensorCost& tensor = network.tensors[t];
    const std::vector<int> activation_bits = tensor.fixed_bits > 0 ? std::vector<int>{tensor.fixed_bits}
                                             : choices.activation_bits.empty()
                                                 ? std::vector<int>{choices.activations.get(tensor.name, 32)}
                                                 : choices.activation_bits;
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (const int bits : activation_bits) {
      std::int64_t sum = 0;
      std::vector<int> best(network.layers.size(), 0);
      for (std::size_t l = 0; l < network.layers.size(); ++l) {
        const LayerCost& layer = network.layers[l];
        if (layer.input_tensor != tensor.name) continue;
        std::int64_t fastest = std::numeric_limits<std::int64_t>::max();
        for (const int b : layer.fixed_bits > 0 ? std::vector<int>{layer.fixed_bits} : choices.weight_bits)
          if (const std::int64_t time = picoseconds_of(layer, b, bits);
              time < fastest || (time == fastest && b > best[l])) {
            fastest = time;
            best[l] = b;
          }
        sum += fastest;
      }
      if (sum > least || (sum == least && bits < tensor_bits[t])) continue;
      least = sum;
      tensor_bits[t] = bits;
      for (std::size_t l = 0; l < network.layers.size(); ++l)
        if (best[l] > 0) layer_bits[l] = best[l];
    }
    total += least;
  }
  LeastLatency result;
  result.seconds = seconds_of(total);
  for (std::size_t l = 0; l < network.layers.size(); ++l)
    result.allocation.weights.set(network.layers[l].name, layer_bits[l]);
  for (std::size_t t = 0; t < network.tensors.size(); ++t)
    if (network.tensors[t].has_quantizer && tensor_bits[t] < 32)
      result.allocation.activations.set(network.tensors[t].name, tensor_bits[t]);
  return result;
}

/// " The least possible latency is ..." where `budget` limits latency, else nothing: for messages.
inline std::string least_latency_text(const NetworkCosts& network, const BitChoices& choices, const Budget& budget) {
  if (!budget.latency) return {};
  return " The least possible latency is " + least_latency(network, choices).text() + "; the limit is " +
         seconds_text(*budget.latency) + ".";
}

}  // namespace bitgrain
