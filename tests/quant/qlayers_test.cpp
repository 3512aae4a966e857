#include "bitgrain/quant/qlayers.hpp"

#include <doctest/doctest.h>

#include "bitgrain/quant/lsq.hpp"
#include "bitgrain/quant/qrelu.hpp"

using namespace bitgrain;

namespace {
const QuantizerSpec kActivation{QuantRole::kActivations, 2, 1, Grid::kUnsigned, false, {}};
const QuantizerSpec kWeight{QuantRole::kWeights, 4, 1, Grid::kSigned, false, {}};
}  // namespace

TEST_CASE("layers report whether they received codes, and strict ones refuse an input without") {
  QLinear<Lsq> layer(kWeight, Lsq<float>(kWeight), 4, 2, true);
  const Var<float> plain(Tensor<float>({1, 4}, 1.0f));
  layer(plain);
  CHECK_FALSE(layer.received_codes());
  QReLU<Lsq> act(kActivation);
  layer(act(plain));
  CHECK(layer.received_codes());
  layer.set_strict(true);
  CHECK_THROWS_WITH_AS(layer(plain), doctest::Contains("received no integer codes"), Error);
}
