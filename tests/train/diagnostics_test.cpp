#include "bitgrain/train/diagnostics.hpp"

#include <doctest/doctest.h>

#include "bitgrain/models/lenet5.hpp"
#include "bitgrain/nn/initialize.hpp"
#include "bitgrain/quant/lsq.hpp"
#include "bitgrain/quant/qrelu.hpp"
#include "bitgrain/quant/quant_layers.hpp"
#include "bitgrain/train/lower_model.hpp"

using namespace bitgrain;

TEST_CASE("a hand-computed tensor: clipped share, signal-to-noise ratio, codes used") {
  QReLU<Lsq> act({QuantRole::kActivations, 2, 1, Grid::kUnsigned, false, {}});
  act.quantizer().set_step(1.0);
  // rectified 0, 0.4, 1.4, 3.4, 5 -> codes 0, 0, 1, 3, 3; 5 is clipped, 3.4 is not (it rounds to 3)
  const Var<float> x(Tensor<float>({1, 5}, {-7.0f, 0.4f, 1.4f, 3.4f, 5.0f}));
  const auto layers = diagnose(act, x);
  REQUIRE(layers.size() == 1);
  CHECK(layers[0].bits == 2);
  CHECK(layers[0].role == QuantRole::kActivations);
  CHECK(layers[0].clipped_share == doctest::Approx(0.2));
  CHECK(layers[0].codes_used == 3);
  CHECK(layers[0].codes_available == 4);
  CHECK(layers[0].step == 1.0);
  const double signal = 0.16 + 1.96 + 11.56 + 25, noise = 0.16 + 0.16 + 0.16 + 4;
  CHECK(layers[0].sqnr_db == doctest::Approx(10 * std::log10(signal / noise)).epsilon(1e-4));
}

TEST_CASE("every site of a network reports, and more bits lose less") {
  double ratio[2];
  int k = 0;
  for (const int bits : {3, 8}) {
    LeNet5<QuantLayers<Lsq, Lsq>> net({{16, 16, 1}, 4}, {.weight_bits = bits, .activation_bits = bits});
    initialize<float>(net, 1);
    const auto x = encode_images<float>(Tensor<std::uint8_t>({2, 16, 16, 1}, std::uint8_t{90}),
                                        InputEncoding::unsigned_bytes(1));
    const auto layers = diagnose(net, x);
    CHECK(layers.size() == 7);
    CHECK(layers[0].site == "conv1");
    CHECK(layers[0].values == 800);
    ratio[k++] = layers[0].sqnr_db;
  }
  CHECK(ratio[1] > ratio[0] + 10);
}
