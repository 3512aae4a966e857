#include "bitgrain/deploy/verify.hpp"

#include <doctest/doctest.h>

#include "bitgrain/base/random.hpp"

using namespace bitgrain;
using namespace bitgrain::deploy;

namespace {
// 2x2x1 image, u8 identity table, one 2x2 convolution to 2 channels, logits.
IntegerNetwork one_convolution() {
  IntegerNetwork n;
  for (int v = 0; v < 256; ++v) n.input.codes.push_back(static_cast<std::int16_t>(v));
  n.values = {{"input", 2, 2, 1, ValueType::kU8, 8, 1.0, 0},
              {"conv", 1, 1, 2, ValueType::kS32, 32, 1.0, 0},
              {"logits", 1, 1, 2, ValueType::kS32, 32, 1.0, 0}};
  ConvOp conv;
  conv.layer = "conv";
  conv.input = 0;
  conv.output = 1;
  conv.geometry = {1, 2, 2, 1, 2, Window2d::square(2), 1};
  conv.weights = {Grid::kSigned, 4, {1, -2, 3, -4, 5, -6, 7, -8}, {1.0f}};
  n.ops.emplace_back(conv);
  RequantizeOp r;
  r.layer = "logits";
  r.output = 2;
  r.terms = {{1, {3, -5}}};
  r.bias = {4, 4};
  r.shift = {3, 3};
  r.low = INT32_MIN;
  r.high = INT32_MAX;
  n.ops.emplace_back(r);
  return n;
}
}  // namespace

TEST_CASE("verify compares every code of every value of every image") {
  std::vector<std::uint8_t> images(4 * 25);
  RandomStream random(1, "images");
  for (auto& v : images) v = static_cast<std::uint8_t>(random.below(256));
  const Verification v = verify(one_convolution(), images.data(), 25);
  CHECK(v.codes == 25 * (4 + 2 + 2));
  CHECK(v.mismatched == 0);
}

TEST_CASE("float arithmetic has no codes to verify") {
  IntegerNetwork n = one_convolution();
  n.arithmetic = Arithmetic::kFloat;
  const std::uint8_t image[4] = {};
  CHECK_THROWS_WITH_AS(verify(n, image, 1), doctest::Contains("integer arithmetic"), Error);
}
