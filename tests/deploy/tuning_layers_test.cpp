// That the layers of a tuned table have the bits they are meant to have, and that several kernels run each of them.

#include "bitgrain/deploy/tuning_layers.hpp"

#include <doctest/doctest.h>

#include <algorithm>

TEST_CASE("tuning layers have the codes of their grid, and another kernel than bytes") {
  using namespace bitgrain;
  using namespace bitgrain::deploy;
  Value input;
  input.channels = 64;
  for (int bits = 1; bits <= 8; ++bits) {
    CHECK(layer_bits(tuning_layer(input, 10, 1, Grid::kSigned, bits).weights, input) == LayerBits{bits, bits, 8});
    CHECK(layer_bits(tuning_layer(input, 10, 1, Grid::kSymmetric, bits).weights, input) ==
          LayerBits{bits, std::max(bits - 1, 1), 8});
  }
  std::int64_t layers = 0;
  for_each_tuning_layer([&](const ConvOp& op, const Value& in) {
    op.geometry.validate("tuning");
    CHECK(applicable(kernels::BitsKernel::kBitSerial, op, in));
    ++layers;
  });
  CHECK(layers > 300);
}
