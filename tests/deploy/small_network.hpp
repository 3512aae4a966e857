#pragma once

// A small valid network with one op of every kind, for tests that break it or follow its numbers by hand.

#include <cmath>

#include "bitgrain/deploy/integer_network.hpp"
#include "bitgrain/deploy/requantize.hpp"

namespace bitgrain::deploy_test {

using namespace bitgrain::deploy;

inline Value codes(const char* name, std::int64_t size, std::int64_t channels) {
  return {name, size, size, channels, ValueType::kU8, 4, 0.25, 0};
}
inline Value sums(const char* name, std::int64_t size, std::int64_t channels) {
  return {name, size, size, channels, ValueType::kS32, 32, 1.0, 0};
}

/// image 4x4x2 -> conv 3x3 -> relu -> conv 3x3 + shortcut A -> relu -> max pool -> mean -> flatten -> linear ->
/// logits
inline IntegerNetwork small_network() {
  IntegerNetwork net;
  net.name = "small";
  for (int i = 0; i < 512; ++i) net.input.codes.push_back(static_cast<std::int16_t>(i % 16));
  net.values = {codes("image", 4, 2), sums("conv1", 4, 2),  codes("relu1", 4, 2), sums("conv2", 2, 4),
                codes("cut", 2, 4),   codes("relu2", 2, 4), codes("max", 1, 4),   sums("sum", 1, 4),
                codes("mean", 1, 4),  codes("flat", 1, 4),  sums("linear", 1, 3), sums("logits", 1, 3)};
  const auto weights = [](std::size_t n) {
    WeightCodes w{Grid::kSigned, 3, {}, {0.5f}};
    for (std::size_t i = 0; i < n; ++i) w.codes.push_back(static_cast<std::int8_t>(static_cast<int>(i * 5 % 8) - 4));
    return w;
  };
  net.ops.emplace_back(ConvOp{"conv1", 0, 1, {1, 4, 4, 2, 2, Window2d::square(3, 1, 1), 1}, weights(36)});
  net.ops.emplace_back(make_requantize("relu1", 2, {{1, {0.1, -0.05}, 1080}}, {1.0, 3.0}, 0, 15));
  net.ops.emplace_back(ConvOp{"conv2", 2, 3, {1, 4, 4, 2, 4, Window2d::square(3, 2, 1), 1}, weights(72)});
  net.ops.emplace_back(SubsamplePadOp{2, 4, 2, 1, 1});
  net.ops.emplace_back(
      make_requantize("relu2", 5, {{3, {0.1, 0.2, 0.0, -0.3}, 1080}, {4, {1.0}, 15}}, {0.5, 0.25, 7.0, 2.0}, 0, 15));
  net.ops.emplace_back(MaxPoolOp{5, 6, {1, 2, 2, 4, Window2d::square(2, 2)}});
  net.ops.emplace_back(SumPoolOp{6, 7, {1, 1, 1, 4, Window2d::square(1)}});
  net.ops.emplace_back(make_requantize("mean", 8, {{7, {1.0}, 15}}, {0, 0, 0, 0}, 0, 15));
  net.ops.emplace_back(FlattenOp{8, 9});
  net.ops.emplace_back(ConvOp{"linear", 9, 10, {1, 1, 1, 4, 3, Window2d{}, 1}, weights(12)});
  net.ops.emplace_back(make_requantize("logits", 11, {{10, {16.0}, 240}}, {1.0, 2.0, -3.0}, INT32_MIN, INT32_MAX));
  return net;
}

/// image 2x2x1 -> conv 1x1 -> affine, in float arithmetic.
inline IntegerNetwork small_float_network() {
  IntegerNetwork net;
  net.name = "small float";
  net.arithmetic = Arithmetic::kFloat;
  for (int i = 0; i < 256; ++i) net.input.codes.push_back(static_cast<std::int16_t>(i));
  const Value real{"real", 2, 2, 2, ValueType::kF32, 32, 1.0, 0};
  net.values = {{"image", 2, 2, 1, ValueType::kU8, 8, 0.5, 10}, real, real};
  net.ops.emplace_back(
      ConvOp{"conv", 0, 1, {1, 2, 2, 1, 2, Window2d{}, 1}, {Grid::kSigned, 2, {1, -2}, {0.25f, 0.5f}}});
  net.ops.emplace_back(AffineOp{"affine", 2, {{1, {2.0f, -1.0f}}}, {1.0f, 0.5f}, 0.0f, HUGE_VALF});
  return net;
}

}  // namespace bitgrain::deploy_test
