#include "bitgrain/quant/install.hpp"

#include <doctest/doctest.h>

#include "bitgrain/models/lenet5.hpp"
#include "bitgrain/nn/initialize.hpp"
#include "bitgrain/quant/quant_layers.hpp"

using namespace bitgrain;

namespace {
LeNet5Config small() { return {{16, 16, 1}, 10}; }
}  // namespace

TEST_CASE("quantizers are installed by name with the bits of the allocation, others keep theirs") {
  AnyLayers<>::Options options;
  options.weight_bits = 5;
  LeNet5<AnyLayers<>> net(small(), options);
  initialize<float>(net, 1);
  const Allocation allocation{{{"conv2", 2}, {"head", 7}}, {{"act1", 3}}};
  install_quantizers<float>(net, quantizer_factory<float>("lsq"), quantizer_factory<float>("uniform-mse"),
                            allocation);
  const Allocation now = current_allocation<float>(net);
  CHECK(now.weights == BitsByName{{"conv1", 5}, {"conv2", 2}, {"fc1", 5}, {"head", 7}});
  CHECK(now.activations == BitsByName{{"act1", 3}, {"act2", 8}, {"act3", 8}});
  CHECK(quant_sites<float>(net)[0]->any()->get<Lsq<float>>() != nullptr);
  CHECK(quant_sites<float>(net)[1]->any()->get<UniformSte<float>>() != nullptr);

  apply_allocation<float>(net, {{{"conv1", 1}}, {}});
  CHECK(current_allocation<float>(net).weights.at("conv1") == 1);
}

TEST_CASE("every known name makes a quantizer, an unknown one lists them") {
  const QuantizerSpec spec{QuantRole::kWeights, 4, 1, Grid::kSigned, false, "w"};
  for (const char* name : {"float", "uniform", "uniform-percentile", "uniform-mse", "lsq"}) {
    auto q = quantizer_factory<float>(name)(spec);
    CHECK(q.bits() == (std::string(name) == "float" ? 32 : 4));
  }
  CHECK_THROWS_WITH_AS(quantizer_factory<float>("lsqq"), doctest::Contains("known: float, uniform"), Error);
}

TEST_CASE("allocations that name what is not there, and networks of a fixed quantizer type, are refused") {
  LeNet5<AnyLayers<>> any(small());
  CHECK_THROWS_WITH_AS(apply_allocation<float>(any, {{{"conv9", 4}}, {}}), doctest::Contains("layer 'conv9'"), Error);
  CHECK_THROWS_WITH_AS(apply_allocation<float>(any, {{}, {{"conv1", 4}}}), doctest::Contains("tensor 'conv1'"),
                       Error);
  LeNet5<QuantLayers<Lsq, Lsq>> fixed(small());
  const auto lsq = quantizer_factory<float>("lsq");
  CHECK_THROWS_WITH_AS(install_quantizers<float>(fixed, lsq, lsq), doctest::Contains("fixed type"), Error);
}
