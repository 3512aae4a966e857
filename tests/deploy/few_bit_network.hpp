#pragma once

// A network whose layers are large enough, and of few enough bits, that the engine takes every kernel.

#include <string>
#include <utility>

#include "bitgrain/base/random.hpp"
#include "bitgrain/deploy/integer_network.hpp"
#include "bitgrain/deploy/requantize.hpp"
#include "bitgrain/deploy/value_bounds.hpp"

namespace bitgrain::deploy_test {

class FewBitNetwork {
 public:
  FewBitNetwork() : random_(1, "few bits") {
    net_.name = "few bits";
    net_.values.push_back({"image", 8, 8, 3, deploy::ValueType::kU8, 8, 1.0, 0});
    for (int c = 0; c < 3; ++c)
      for (int byte = 0; byte < 256; ++byte) net_.input.codes.push_back(static_cast<std::int16_t>(byte));
  }

  /// Random weights of a grid and bits, then codes (logits for 32 bits).
  void add_layer(std::int64_t out, std::int64_t kernel, Grid grid, int weight_bits, int output_bits) {
    const deploy::Value in = net_.values.back();
    deploy::ConvOp conv;
    conv.layer = "layer" + std::to_string(net_.ops.size());
    conv.input = last();
    conv.geometry = {1, in.height, in.width, in.channels, out, Window2d::square(kernel, 1, kernel / 2), 1};
    conv.weights.grid = grid;
    conv.weights.bits = weight_bits;
    conv.weights.step = {1.0f};
    const CodeRange range = code_range(grid, weight_bits);
    while (static_cast<std::int64_t>(conv.weights.codes.size()) < conv.geometry.weight_size()) {
      const auto code = range.low + static_cast<std::int32_t>(
                                        random_.below(static_cast<std::uint32_t>(range.high - range.low + 1)));
      if (on_grid(grid, weight_bits, code)) conv.weights.codes.push_back(static_cast<std::int8_t>(code));
    }
    const std::int64_t bound = deploy::accumulator_bound(conv, in);
    net_.values.push_back({conv.layer, in.height, in.width, out, deploy::ValueType::kS32, 32, 1.0, 0});
    conv.output = last();
    net_.ops.emplace_back(std::move(conv));
    const bool logits = output_bits == 32;
    const CodeRange to = logits ? CodeRange{INT32_MIN, INT32_MAX} : code_range(Grid::kUnsigned, output_bits);
    // Sums of random products lie far within the bound.
    const double scale = logits ? 1.0 : 16.0 * (to.high + 1) / static_cast<double>(bound);
    const std::vector<double> shift(static_cast<std::size_t>(out), logits ? 0.0 : to.high / 2.0);
    net_.values.push_back({"codes", in.height, in.width, out,
                           logits ? deploy::ValueType::kS32 : deploy::ValueType::kU8, output_bits, 1.0, 0});
    net_.ops.emplace_back(
        deploy::make_requantize("requantize", last(), {{last() - 1, {scale}, bound}}, shift, to.low, to.high));
  }
  void flatten() {
    deploy::Value flat = net_.values.back();
    flat.channels = flat.numel();
    flat.height = flat.width = 1;
    net_.values.push_back(flat);
    net_.ops.emplace_back(deploy::FlattenOp{last() - 1, last()});
  }
  deploy::IntegerNetwork take() { return std::move(net_); }

 private:
  int last() const { return static_cast<int>(net_.values.size()) - 1; }
  RandomStream random_;
  deploy::IntegerNetwork net_;
};

/// 3x3 convolutions of 64 channels at W8A8, W1A1, W1A2, ternary A2, W2A2 and W3A3, then linear layers of 4096 x 1024
/// at W2A8 and W1A1, and a head.
inline deploy::IntegerNetwork few_bit_network() {
  FewBitNetwork network;
  network.add_layer(64, 3, Grid::kSigned, 8, 1);
  network.add_layer(64, 3, Grid::kSigned, 1, 2);
  network.add_layer(64, 3, Grid::kSigned, 1, 2);
  network.add_layer(64, 3, Grid::kSymmetric, 2, 2);
  network.add_layer(64, 3, Grid::kSigned, 2, 3);
  network.add_layer(64, 3, Grid::kSigned, 3, 8);
  network.flatten();
  network.add_layer(1024, 1, Grid::kSigned, 2, 1);
  network.add_layer(512, 1, Grid::kSigned, 1, 8);
  network.add_layer(10, 1, Grid::kSigned, 8, 32);
  return network.take();
}

}  // namespace bitgrain::deploy_test
