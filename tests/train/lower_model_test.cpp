#include "bitgrain/train/lower_model.hpp"

#include <doctest/doctest.h>

#include "bitgrain/models/lenet5.hpp"
#include "bitgrain/nn/initialize.hpp"
#include "bitgrain/quant/install.hpp"
#include "bitgrain/quant/lsq.hpp"
#include "bitgrain/quant/quant_layers.hpp"

using namespace bitgrain;

TEST_CASE("encoded images are real values that carry the input's codes") {
  const double mean[] = {0.5}, std[] = {0.25};
  const InputEncoding encoding = InputEncoding::normalised(mean, std);
  const Tensor<std::uint8_t> bytes({1, 1, 2, 1}, {std::uint8_t{0}, std::uint8_t{255}});
  const Var<float> x = encode_images<float>(bytes, encoding);
  CHECK(x.value()[0] == doctest::Approx(-2).epsilon(0.01));
  const QTensor q = x.codes();
  CHECK(q.codes[0] == -127);
  CHECK(q.codes[1] == 127);
  CHECK(encode_images<double>(bytes, encoding).codes().codes[1] == 127);
}

TEST_CASE("a model emits codes once every weight has a quantizer that gives them") {
  LeNet5<AnyLayers<>> net({{16, 16, 1}, 4});
  initialize<float>(net, 1);
  const InputEncoding encoding = InputEncoding::unsigned_bytes(1);
  const auto sample = encode_images<float>(Tensor<std::uint8_t>({1, 16, 16, 1}, std::uint8_t{7}), encoding);
  CHECK_FALSE(emits_codes(net, sample));
  const auto lsq = quantizer_factory<float>("lsq"), in_float = quantizer_factory<float>("float");
  install_quantizers<float>(net, lsq, in_float);
  CHECK(emits_codes(net, sample));
  *quant_sites<float>(net)[0]->any() = Float<float>({});
  CHECK_FALSE(emits_codes(net, sample));
}

TEST_CASE("lowering leaves the model in evaluation mode and passes name and classes on") {
  LeNet5<QuantLayers<Lsq, Lsq>> net({{16, 16, 1}, 2});
  initialize<float>(net, 1);
  const auto network = lower_model(net, InputEncoding::unsigned_bytes(1), 16, 16, {"lenet", {"no", "yes"}});
  CHECK_FALSE(net.training());
  CHECK(network.name == "lenet");
  CHECK(network.classes == std::vector<std::string>{"no", "yes"});
  CHECK(network.values[0].numel() == 256);
}
