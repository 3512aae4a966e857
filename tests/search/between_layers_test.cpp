// That the rest of an engine is the whole less its layers, and that measuring leaves a float network behind.

#include "bitgrain/search/between_layers.hpp"

#include <doctest/doctest.h>

#include "bitgrain/models/resnet_cifar.hpp"
#include "bitgrain/nn/initialize.hpp"
#include "bitgrain/quant/quant_layers.hpp"
#include "bitgrain/search/trace_costs.hpp"
#include "error_of.hpp"

TEST_CASE("the time between the layers is what they leave of the whole engine's, and never negative") {
  using namespace bitgrain;
  ResNetCifar<AnyLayers<>> net{{.depth = 8, .image = {8, 8, 1}, .classes = 4, .base_width = 4}};
  initialize<float>(net, 3);
  const InputEncoding encoding = InputEncoding::unsigned_bytes(1);
  const Tensor<std::uint8_t> image({1, 8, 8, 1}, std::uint8_t{7});
  net.set_training(false);
  const auto logits = [&] {
    const NoGrad no_grad;
    const Var<float> y = net(encode_images<float>(image, encoding));
    return std::vector<float>(y.value().values().begin(), y.value().values().end());
  };
  const std::vector<float> before = logits();
  const NetworkCosts costs = trace_costs(net, encode_images<float>(image, encoding));
  deploy::KernelTable table = measure_kernels(costs, {8}, {8}, 0);
  for (deploy::KernelTime& time : table) time.single_ns = 1e-3;  // layers for nothing: all of it is between them
  const double whole = between_layers_ns(net, encoding, 8, 8, table, 0);
  CHECK(whole > 100);
  CHECK(whole < 1e9);
  for (deploy::KernelTime& time : table) time.single_ns = 1e9;
  CHECK(between_layers_ns(net, encoding, 8, 8, table, 0) == 0);
  CHECK(logits() == before);
  CHECK(contains(error_of([&] { between_layers_ns(net, encoding, 8, 8, {}, 0); }),
                 "layer 'stem.conv' (1 -> 4 channels, 9 taps, 64 pixels) was not measured"));
}
