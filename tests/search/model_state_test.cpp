#include "bitgrain/search/model_state.hpp"

#include <doctest/doctest.h>

#include "bitgrain/models/lenet5.hpp"
#include "bitgrain/nn/initialize.hpp"
#include "bitgrain/quant/install.hpp"
#include "bitgrain/quant/quant_layers.hpp"

using namespace bitgrain;

TEST_CASE("a model returns to its state, whatever quantizers have come meanwhile") {
  LeNet5<AnyLayers<>> net({{16, 16, 1}, 4});
  initialize<float>(net, 1);
  const float before = net.parameters()[0].var.value()[0];
  const ModelState state(net);
  install_quantizers<float>(net, quantizer_factory<float>("lsq"), quantizer_factory<float>("lsq"));
  for (auto& p : net.parameters()) p.var.mutable_value().fill(42.0f);
  state.restore(net);
  for (const auto& p : net.parameters()) {
    if (p.name == "conv1.weight") CHECK(p.var.value()[0] == before);
    if (p.name == "conv1.weight_quantizer.step") CHECK(p.var.value()[0] == 42.0f);
  }
}
