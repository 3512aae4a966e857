#pragma once

/// The cost model: what an allocation of bits costs, on a plain description of the network.
///
/// Sizes are payload bits, sign included; a layer of n weights at b bits takes ceil(n b / 8) bytes. BitOps are
/// MACs x weight bits x input bits for one image, zero padding counted, as the papers do; the codes of the input
/// image count 8 bits. Latency is the sum of what the layers were measured to take at their bits, and of
/// what is between them, for one image alone on one thread.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "bitgrain/base/check.hpp"
#include "bitgrain/quant/allocation.hpp"
#include "bitgrain/search/budget.hpp"
#include "bitgrain/search/layer_latency.hpp"
#include "bitgrain/tensor/geometry.hpp"

namespace bitgrain {

/// A layer with weights.
struct LayerCost {
  std::string name;
  std::int64_t weights = 0;    ///< number of weights, without biases
  std::int64_t macs = 0;       ///< multiply-accumulates of one image, zero padding counted
  std::string input_tensor;    ///< name of the TensorCost it reads
  int fixed_bits = 0;          ///< weight bits that no search changes; 0: the allocation says
  ConvGeometry geometry = {};  ///< of one image: what is measured
  LayerLatency latency = {};   ///< measured times; empty: not measured
};

/// A tensor of activations, of one image.
struct TensorCost {
  std::string name;
  std::int64_t elements = 0;
  int fixed_bits = 0;                 ///< bits that no search changes (8 for the input image); 0: the allocation says
  bool has_quantizer = true;          ///< false for the input image and the like: allocations do not name them
  int first_step = 0, last_step = 0;  ///< steps of the schedule between which it is alive, both included
  bool is_signed = false;             ///< whether codes may be negative
};

/// A network as the cost model sees it.
struct NetworkCosts {
  std::vector<LayerCost> layers;    ///< in execution order
  std::vector<TensorCost> tensors;  ///< in execution order, input image included
  std::int64_t overhead_bytes = 0;  ///< of the model file beside the payload; does not depend on bits
  /// What an engine takes for one image between the layers, whatever their bits; part of latency. 0: not measured.
  std::int64_t between_picoseconds = 0;

  /// Throws Error, naming the layer or tensor, unless names are unique, counts are not negative, and every layer
  /// reads a tensor of the list.
  void validate() const {
    std::unordered_map<std::string, int> seen;
    for (const TensorCost& tensor : tensors) {
      BITGRAIN_CHECK(seen[tensor.name]++ == 0, "tensor \"", tensor.name, "\" is listed twice");
      BITGRAIN_CHECK(tensor.elements >= 0 && tensor.fixed_bits >= 0 && tensor.fixed_bits <= 32 &&
                         tensor.first_step >= 0 && tensor.first_step <= tensor.last_step,
                     "tensor \"", tensor.name,
                     "\": expected elements >= 0, bits 0 to 32, steps 0 <= first <= last; got ", tensor.elements,
                     ", ", tensor.fixed_bits, ", ", tensor.first_step, " to ", tensor.last_step);
      BITGRAIN_CHECK(tensor.has_quantizer || tensor.fixed_bits > 0, "tensor \"", tensor.name,
                     "\" has no quantizer and no fixed bits");
    }
    std::unordered_map<std::string, int> seen_layers;
    for (const LayerCost& layer : layers) {
      BITGRAIN_CHECK(seen_layers[layer.name]++ == 0, "layer \"", layer.name, "\" is listed twice");
      BITGRAIN_CHECK(layer.weights >= 0 && layer.macs >= 0 && layer.fixed_bits >= 0 && layer.fixed_bits <= 32,
                     "layer \"", layer.name, "\": expected weights >= 0, MACs >= 0, bits 0 to 32; got ",
                     layer.weights, ", ", layer.macs, ", ", layer.fixed_bits);
      BITGRAIN_CHECK(seen.contains(layer.input_tensor), "layer \"", layer.name, "\" reads tensor \"",
                     layer.input_tensor, "\", which is not listed");
    }
  }

  /// Whether times of layers were measured: then all of them are needed.
  bool has_latencies() const {
    return std::any_of(layers.begin(), layers.end(), [](const LayerCost& layer) { return !layer.latency.empty(); });
  }

  /// Weight bits of `layer` under `allocation`. Throws Error if it has none.
  static int weight_bits(const LayerCost& layer, const Allocation& allocation) {
    return layer.fixed_bits > 0 ? layer.fixed_bits : allocation.weights.at(layer.name);
  }
  /// Bits of `tensor` under `allocation`; a tensor without an entry is float: 32.
  static int tensor_bits(const TensorCost& tensor, const Allocation& allocation) {
    return tensor.fixed_bits > 0 ? tensor.fixed_bits : allocation.activations.get(tensor.name, 32);
  }
};

/// The measured time of `layer` at these bits. Throws Error, naming the layer, if there is none.
inline std::int64_t picoseconds_of(const LayerCost& layer, int weight_bits, int input_bits) {
  BITGRAIN_CHECK(layer.latency.has(weight_bits, input_bits), "layer \"", layer.name, "\" has no measured time at ",
                 weight_bits, " weight bits and ", input_bits, " input bits",
                 input_bits > LayerLatency::kMostBits ? ": float activations run on no integer kernel" : "");
  return layer.latency.picoseconds(weight_bits, input_bits);
}

/// Bytes of `count` packed codes of `bits` bits.
constexpr std::int64_t packed_bytes(std::int64_t count, int bits) { return (count * bits + 7) / 8; }

/// What a network costs under one allocation.
struct AllocationCosts {
  std::int64_t weights = 0;        ///< number of weights
  std::int64_t payload_bits = 0;   ///< sum n b
  std::int64_t payload_bytes = 0;  ///< sum ceil(n b / 8)
  std::int64_t model_bytes = 0;    ///< payload and overhead
  double average_weight_bits = 0;  ///< payload_bits / weights; 0 without weights
  std::int64_t macs = 0, bitops = 0;
  std::int64_t activation_sum = 0, activation_max = 0, activation_peak = 0;  ///< bytes, see Budget
  int distinct_weight_bits = 0;                                              ///< different weight bit-widths
  std::optional<double> latency;  ///< seconds; nothing if the layers were not measured
};

/// The costs of `network` under `allocation`. Throws Error if a layer has no bits, or if layers were measured, but
/// not this one at its bits.
inline AllocationCosts costs_of(const NetworkCosts& network, const Allocation& allocation) {
  AllocationCosts costs;
  std::unordered_map<std::string, int> bits_of_tensor;
  int steps = 0;
  for (const TensorCost& tensor : network.tensors) steps = std::max(steps, tensor.last_step + 1);
  std::vector<std::int64_t> alive(static_cast<std::size_t>(steps), 0);
  for (const TensorCost& tensor : network.tensors) {
    const int bits = NetworkCosts::tensor_bits(tensor, allocation);
    bits_of_tensor[tensor.name] = bits;
    const std::int64_t bytes = packed_bytes(tensor.elements, bits);
    costs.activation_sum += bytes;
    costs.activation_max = std::max(costs.activation_max, bytes);
    for (int step = tensor.first_step; step <= tensor.last_step; ++step)
      alive[static_cast<std::size_t>(step)] += bytes;
  }
  for (const std::int64_t bytes : alive) costs.activation_peak = std::max(costs.activation_peak, bytes);
  BitsByName used;
  const bool measured = network.has_latencies();
  std::int64_t picoseconds = network.between_picoseconds;
  for (const LayerCost& layer : network.layers) {
    const int bits = NetworkCosts::weight_bits(layer, allocation);
    const auto input = bits_of_tensor.find(layer.input_tensor);
    BITGRAIN_CHECK(input != bits_of_tensor.end(), "layer \"", layer.name, "\" reads tensor \"", layer.input_tensor,
                   "\", which is not listed");
    used.set(layer.name, bits);
    costs.weights += layer.weights;
    costs.payload_bits += layer.weights * bits;
    costs.payload_bytes += packed_bytes(layer.weights, bits);
    costs.macs += layer.macs;
    costs.bitops += layer.macs * bits * input->second;
    if (measured) picoseconds += picoseconds_of(layer, bits, input->second);
  }
  if (measured) costs.latency = seconds_of(picoseconds);
  costs.model_bytes = costs.payload_bytes + network.overhead_bytes;
  costs.distinct_weight_bits = used.distinct();
  if (costs.weights > 0)
    costs.average_weight_bits = static_cast<double>(costs.payload_bits) / static_cast<double>(costs.weights);
  return costs;
}

/// What `costs` exceed of `budget`, e.g. "average_weight_bits is 3.1, the limit is 3"; empty if they fit. Throws
/// Error if the budget limits latency and nothing was measured.
inline std::string budget_violations(const AllocationCosts& costs, const Budget& budget) {
  BITGRAIN_CHECK(!budget.latency || costs.latency, "the budget limits latency, but the layers were not measured");
  const double values[] = {costs.average_weight_bits,
                           static_cast<double>(costs.payload_bytes),
                           static_cast<double>(costs.model_bytes),
                           static_cast<double>(costs.bitops),
                           static_cast<double>(costs.activation_sum),
                           static_cast<double>(costs.activation_max),
                           static_cast<double>(costs.activation_peak),
                           costs.latency.value_or(0)};
  const auto limits = budget.limits();
  std::string text;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const std::optional<double>& limit = *limits[i].value;
    if (limit && values[i] > *limit)
      text += std::string(text.empty() ? "" : "; ") + limits[i].name + " is " + limits[i].text_of(values[i]) +
              ", the limit is " + limits[i].text_of(*limit);
  }
  return text;
}

}  // namespace bitgrain
