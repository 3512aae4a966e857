#pragma once

/// The layers that a table of times covers when no model is at hand: shapes of common networks at the bits where
/// another kernel than that of bytes may win.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "bitgrain/base/random.hpp"
#include "bitgrain/deploy/kernel_choice.hpp"

namespace bitgrain::deploy {

/// A layer with random weights of a grid, of all its bits.
inline ConvOp random_layer(const ConvGeometry& geometry, Grid grid, int weight_bits) {
  ConvOp op;
  op.geometry = geometry;
  op.weights.grid = grid;
  op.weights.bits = weight_bits;
  const kernels::BitCodes codes = kernels::codes_of(grid, weight_bits);
  const CodeRange range = code_range(grid, weight_bits);
  const auto count = static_cast<std::uint32_t>((range.high - range.low) / codes.spacing + 1);
  RandomStream random(1, "weights");
  // A pattern again and again: millions of random numbers take longer than the measurement.
  constexpr std::size_t kPattern = 4099;
  const auto size = static_cast<std::size_t>(op.geometry.weight_size());
  op.weights.codes.resize(size);
  for (std::size_t i = 0; i < std::min(kPattern, size); ++i)
    op.weights.codes[i] =
        static_cast<std::int8_t>(range.low + codes.spacing * static_cast<std::int32_t>(random.below(count)));
  for (std::size_t i = kPattern; i < size; ++i) op.weights.codes[i] = op.weights.codes[i - kPattern];
  // Small layers too have the bits they are asked for: the least code, its neighbour, the largest.
  const std::int32_t chosen[] = {range.low, range.low + codes.spacing, range.high};
  for (std::size_t i = 0; i < std::min<std::size_t>(3, size); ++i)
    op.weights.codes[i] = static_cast<std::int8_t>(chosen[i]);
  return op;
}

/// A convolution with random weights; `input` says the input's size and codes.
inline ConvOp tuning_layer(const Value& input, std::int64_t out, std::int64_t kernel, Grid grid, int weight_bits) {
  return random_layer({1, input.height, input.width, input.channels, out, Window2d::square(kernel, 1, kernel / 2), 1},
                      grid, weight_bits);
}

/// Calls visit(op, input) for every one of them.
template <class Visit>
void for_each_tuning_layer(Visit&& visit) {
  struct Size {
    std::int64_t image, in, out, kernel;
  };
  // ResNets of CIFAR and of ImageNet, LeNet's second layer, pointwise layers, linear layers from small to large.
  constexpr Size kSizes[] = {{32, 16, 16, 3},   {16, 32, 32, 3},   {8, 64, 64, 3},     {56, 64, 64, 3},
                             {28, 128, 128, 3}, {14, 256, 256, 3}, {7, 512, 512, 3},   {14, 32, 64, 5},
                             {56, 256, 64, 1},  {28, 512, 128, 1}, {14, 256, 1024, 1}, {7, 512, 2048, 1},
                             {1, 64, 10, 1},    {1, 1024, 512, 1}, {1, 512, 1000, 1},  {1, 2048, 2048, 1},
                             {1, 8192, 1024, 1}};
  struct Weights {
    Grid grid;
    int bits;
  };
  constexpr Weights kWeights[] = {{Grid::kSigned, 1},    {Grid::kSymmetric, 2}, {Grid::kSigned, 2},
                                  {Grid::kSymmetric, 3}, {Grid::kSigned, 3},    {Grid::kSigned, 4},
                                  {Grid::kSigned, 5},    {Grid::kSigned, 6}};
  // More passes than this never pay on images; packed linear layers do not care.
  constexpr int kMostInputBits = 4, kMostPasses = 6;
  for (const Size& size : kSizes)
    for (const Weights& weights : kWeights)
      for (int input_bits = 1; input_bits <= kMostInputBits; ++input_bits) {
        Value input;
        input.height = input.width = size.image;
        input.channels = size.in;
        input.bits = input_bits;
        const ConvOp op = tuning_layer(input, size.out, size.kernel, weights.grid, weights.bits);
        const int passes = layer_bits(op.weights, input).planes * input_bits;
        if (passes <= kMostPasses || (size.image == 1 && input_bits == kMostInputBits)) visit(op, input);
      }
}

}  // namespace bitgrain::deploy
