#pragma once

/// Latencies of a network from the times of the engine's kernels: at every pair of bits the time of the kernel that
/// an engine with the same table takes, of one image alone.

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "bitgrain/deploy/kernel_choice.hpp"
#include "bitgrain/deploy/time_shapes.hpp"
#include "bitgrain/search/cost.hpp"

namespace bitgrain {

namespace detail {
inline std::unordered_map<std::string, const TensorCost*> tensors_by_name(const NetworkCosts& network) {
  std::unordered_map<std::string, const TensorCost*> tensors;
  for (const TensorCost& tensor : network.tensors) tensors[tensor.name] = &tensor;
  return tensors;
}
}  // namespace detail

/// Gives every layer of `network` its times at 1 to 8 bits. Weights are taken as signed (LSQ's): bits whose codes do
/// not all occur in the end may get a faster kernel. Throws Error, beginning with `where` and naming the layer, if
/// its shape was not measured.
inline void set_latencies(NetworkCosts& network, const deploy::KernelTable& table,
                          const std::string& where = "the table of kernel times") {
  const auto tensors = detail::tensors_by_name(network);
  for (LayerCost& layer : network.layers) {
    const deploy::LayerShape shape = deploy::layer_shape(layer.geometry);
    deploy::Value input;
    if (tensors.at(layer.input_tensor)->is_signed) input.type = deploy::ValueType::kS8;
    LayerLatency latency;
    for (int weight_bits = 1; weight_bits <= LayerLatency::kMostBits; ++weight_bits)
      for (input.bits = 1; input.bits <= LayerLatency::kMostBits; ++input.bits) {
        const deploy::KernelTime* time = deploy::choose_time(
            table, shape, {weight_bits, weight_bits, deploy::stored_codes(input).bits},
            [&](kernels::BitsKernel kernel) {
              return kernels::applicable(kernel, layer.geometry, weight_bits, input.bits, Grid::kSigned);
            });
        BITGRAIN_CHECK(time != nullptr && time->shape == shape, where, ": layer \"", layer.name, "\" (",
                       deploy::to_string(shape), ") was not measured with weights as bytes");
        latency.set(weight_bits, input.bits, time->single_ns * 1e-9);
      }
    layer.latency = latency;
  }
}

/// Measures the layers of `network` on this machine at all bits that a search may give them: fixed ones, or those of
/// `weight_bits` and `activation_bits`. See deploy::time_shapes for the rest.
inline deploy::KernelTable measure_kernels(const NetworkCosts& network, const std::vector<int>& weight_bits,
                                           const std::vector<int>& activation_bits, double seconds = 0.02,
                                           const std::function<void(std::size_t, std::size_t)>& progress = {}) {
  const auto tensors = detail::tensors_by_name(network);
  std::vector<deploy::ShapeToTime> layers;
  for (const LayerCost& layer : network.layers) {
    const TensorCost& input = *tensors.at(layer.input_tensor);
    layers.push_back({layer.geometry, input.is_signed,
                      layer.fixed_bits > 0 ? std::vector<int>{layer.fixed_bits} : weight_bits,
                      input.fixed_bits > 0 ? std::vector<int>{input.fixed_bits} : activation_bits});
    for (const auto* list : {&layers.back().weight_bits, &layers.back().input_bits})
      for (const int bits : *list)
        BITGRAIN_CHECK(
            bits >= 1 && bits <= LayerLatency::kMostBits, "layer \"", layer.name,
            "\": times of kernels are for 1 to 8 bits, got ", bits,
            list == &layers.back().input_bits ? " bits of its input \"" + input.name + "\"" : std::string(),
            "; float activations and weights run on no integer kernel");
  }
  return deploy::time_shapes(layers, seconds, progress);
}

}  // namespace bitgrain
