#include "bitgrain/train/witness.hpp"

#include <doctest/doctest.h>

#include "bitgrain/models/lenet5.hpp"
#include "bitgrain/nn/copy_state.hpp"
#include "bitgrain/nn/initialize.hpp"
#include "bitgrain/quant/lsq.hpp"
#include "bitgrain/quant/quant_layers.hpp"
#include "synthetic_images.hpp"

using namespace bitgrain;

namespace {
using LsqNet = LeNet5<QuantLayers<Lsq, Lsq>>;
using Twin = LeNet5<QuantLayers<Lsq, Lsq, double>>;
}  // namespace

TEST_CASE(
    "the witness compares every activation tensor and the logits, and notices a network that is not the twin's") {
  const LeNet5Config config{{16, 16, 1}, 4};
  LsqNet net(config, {.weight_bits = 3, .activation_bits = 3});
  Twin twin(config, {.weight_bits = 3, .activation_bits = 3});
  initialize<float>(net, 1);
  const InputEncoding encoding = InputEncoding::unsigned_bytes(1);
  const ImageDataset data = synthetic_images(60, 2, 16);
  net.set_training(false);
  net(encode_images<float>(data.images, encoding));
  copy_state(static_cast<const Module<float>&>(net), static_cast<Module<double>&>(twin));
  deploy::IntegerNetwork network = lower_model(net, encoding, 16, 16);

  const WitnessReport good = compare_with_double(twin, network, encoding, data.images);
  REQUIRE(good.tensors.size() == 4);
  CHECK(good.tensors[0].tensor == "act1");
  CHECK(good.tensors[0].codes == 60 * 12 * 12 * 32);
  CHECK(good.tensors[3].tensor == "logits");
  CHECK(good.worst_share() <= 1e-5);

  // One multiplier a thousandth off: the layer it belongs to shows it, those behind do not, their inputs are the
  // engine's.
  for (auto& op : network.ops)
    if (auto* r = std::get_if<deploy::RequantizeOp>(&op); r && r->layer == "act2")
      for (auto& m : r->terms[0].multiplier) m += m / 500;
  const WitnessReport bad = compare_with_double(twin, network, encoding, data.images);
  CHECK(bad.tensors[1].tensor == "act2");
  CHECK(bad.tensors[1].share() > 1e-4);
  CHECK(bad.tensors[2].share() <= 1e-5);
  CHECK(bad.worst_share() == bad.tensors[1].share());
}
