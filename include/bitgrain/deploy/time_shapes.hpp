#pragma once

/// Measures layers at many bits: the table that tells how long a network would take under bits it does not have yet.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <vector>

#include "bitgrain/deploy/time_kernels.hpp"
#include "bitgrain/deploy/tuning_layers.hpp"

namespace bitgrain::deploy {

/// A layer and the bits to measure it at.
struct ShapeToTime {
  ConvGeometry geometry;
  bool signed_input = false;
  std::vector<int> weight_bits, input_bits;
};

/// More passes of the bit-serial kernel than this are not measured: they have never paid, not even half of them.
inline constexpr int kMostTimedPasses = 12;

namespace detail {

// Puts a time into a table; of two times of one thing the shorter one counts.
inline void add_time(KernelTable& table, const KernelTime& time) {
  for (KernelTime& known : table)
    if (known.shape == time.shape && known.kernel == time.kernel &&
        bits_matter_alike(time.kernel, known.bits, time.bits)) {
      known.single_ns = std::min(known.single_ns, time.single_ns);
      known.batched_ns = std::min(known.batched_ns, time.batched_ns);
      return;
    }
  table.push_back(time);
}

inline bool has_time(const KernelTable& table, const LayerShape& shape, kernels::BitsKernel kernel,
                     const LayerBits& bits) {
  return std::any_of(table.begin(), table.end(), [&](const KernelTime& time) {
    return time.shape == shape && time.kernel == kernel && bits_matter_alike(kernel, time.bits, bits);
  });
}

}  // namespace detail

/// Measures every kernel that may pay at every pair of bits, weights signed as LSQ's are; what several layers share
/// is measured once. `seconds` is the time for one layer at one pair of bits. `progress(done, all)`, if there is one,
/// hears after each layer.
inline KernelTable time_shapes(const std::vector<ShapeToTime>& layers, double seconds = 0.02,
                               const std::function<void(std::size_t, std::size_t)>& progress = {}) {
  KernelTable table;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const ShapeToTime& layer = layers[l];
    const LayerShape shape = layer_shape(layer.geometry);
    for (const int weight_bits : layer.weight_bits) {
      const ConvOp op = random_layer(layer.geometry, Grid::kSigned, weight_bits);
      for (const int input_bits : layer.input_bits) {
        Value input;
        input.height = layer.geometry.in_h;
        input.width = layer.geometry.in_w;
        input.channels = layer.geometry.in_channels;
        input.type = layer.signed_input ? ValueType::kS8 : ValueType::kU8;
        input.bits = input_bits;
        const LayerBits bits = layer_bits(op.weights, input);
        std::vector<kernels::BitsKernel> kernels;
        for (const kernels::BitsKernel kernel : kernels::kBitsKernels)
          if (applicable(kernel, op, input) && !detail::has_time(table, shape, kernel, bits) &&
              (kernel != kernels::BitsKernel::kBitSerial || bits.planes * bits.input <= kMostTimedPasses))
            kernels.push_back(kernel);
        if (kernels.empty()) continue;
        // Bytes take their turn each time: the others are compared with them.
        if (kernels.front() != kernels::BitsKernel::kBytes)
          kernels.insert(kernels.begin(), kernels::BitsKernel::kBytes);
        for (const KernelTime& time : time_kernels(op, input, seconds, kernels)) detail::add_time(table, time);
      }
    }
    if (progress) progress(l + 1, layers.size());
  }
  return table;
}

}  // namespace bitgrain::deploy
