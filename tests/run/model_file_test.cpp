#include "bitgrain/run/model_file.hpp"

#include <doctest/doctest.h>

#include "bitgrain/nn/batch_norm2d.hpp"
#include "bitgrain/nn/initialize.hpp"
#include "bitgrain/quant/lsq.hpp"
#include "bitgrain/quant/qlayers.hpp"
#include "error_of.hpp"
#include "run/folder.hpp"

using namespace bitgrain;

namespace {
// A quantized layer, a batch norm and, in one variant, a parameter more or of another shape.
template <class T>
class Net : public Module<T> {
 public:
  explicit Net(std::int64_t channels = 4, bool more = false)
      : conv_({}, Lsq<T>(QuantizerSpec{}), 1, channels, Window2d::square(3, 1, 1)), bn_(channels) {
    this->register_module("conv", conv_);
    this->register_module("bn", bn_);
    if (more) this->register_parameter("more", more_);
  }
  Var<T> forward(const Var<T>& x) override { return bn_(conv_(x)); }

 private:
  QConv2d<Lsq, T> conv_;
  BatchNorm2d<T> bn_;
  Var<T> more_{Tensor<T>(Shape{1}, T{0}), true};
};

NetworkSpec spec() {
  NetworkSpec s;
  s.model = {"resnet8", {8, 8, 1}, 2, "A"};
  s.encoding = InputEncoding::unsigned_bytes(1);
  s.classes = {"a", "b"};
  return s;
}
template <class T>
std::vector<double> all_values(const Module<T>& model) {
  std::vector<double> values;
  const auto append = [&values](const Tensor<T>& t) { values.insert(values.end(), t.data(), t.data() + t.numel()); };
  for (const auto& p : model.parameters()) append(p.var.value());
  for (const auto& b : model.buffers()) append(b.tensor);
  return values;
}
}  // namespace

TEST_CASE("parameters, buffers and quantizer steps come back bit for bit, in float and in double") {
  const TestFolder folder("model_file");
  Net<float> net, other;
  initialize(net, 7);
  net(Var<float>(Tensor<float>(Shape{2, 8, 8, 1}, 0.5F)));  // steps and running statistics
  save_model_file(folder / "m.safetensors", net, spec());
  const auto file = SafetensorsFile::read(folder / "m.safetensors");
  CHECK(network_spec_of(file).model == spec().model);
  load_tensors(file, other);
  CHECK(all_values(other) == all_values(net));
  Net<double> twin;
  load_tensors(file, twin);
  CHECK(all_values(twin) == all_values(net));
}

TEST_CASE("a network that differs from the file is refused before anything is written, naming the first difference") {
  const TestFolder folder("model_file");
  Net<float> net;
  initialize(net, 7);
  save_model_file(folder / "m.safetensors", net, spec());
  const auto file = SafetensorsFile::read(folder / "m.safetensors");
  Net<float> wide(5), more(4, true);
  CHECK(contains(error_of([&] { load_tensors(file, wide); }),
                 "m.safetensors': tensor 'conv.weight' has shape [4,3,3,1], the network's has [5,3,3,1]"));
  const auto before = all_values(more);
  CHECK(contains(error_of([&] { load_tensors(file, more); }), "there is no tensor 'more', which the network has"));
  CHECK(all_values(more) == before);
  save_model_file(folder / "more.safetensors", more, spec());
  const auto bigger = SafetensorsFile::read(folder / "more.safetensors");
  CHECK(contains(error_of([&] { load_tensors(bigger, net); }), "tensor 'more' does not exist in the network"));
}

TEST_CASE("only the weights are taken from a network that is quantized otherwise") {
  const TestFolder folder("model_file");
  Net<float> net, other;
  initialize(net, 7);
  net(Var<float>(Tensor<float>(Shape{2, 8, 8, 1}, 0.5F)));
  save_model_file(folder / "m.safetensors", net, spec());
  load_tensors(SafetensorsFile::read(folder / "m.safetensors"), other, LoadTensors::kWeights);
  for (std::size_t i = 0; i < net.parameters().size(); ++i) {
    const auto ours = net.parameters()[i], theirs = other.parameters()[i];
    CAPTURE(ours.name);
    if (ours.name == "conv.weight_quantizer.step") {
      CHECK(ours.var.value()[0] > 0);
      CHECK(theirs.var.value()[0] == 0);
    } else {
      CHECK(ours.var.value()[0] == theirs.var.value()[0]);
    }
  }
}

TEST_CASE("a safetensors file of somebody else is not taken for a network") {
  SafetensorsWriter writer;
  writer.add("x", Tensor<float>(Shape{1}, 0.0F));
  const SafetensorsFile file(writer.bytes(), "file 'f'");
  CHECK(contains(error_of([&] { network_spec_of(file); }), "this is not a network that bitgrain wrote"));
}
