// A float network from PyTorch must compute here what it computes there: the referee is a plain evaluation in NCHW.
#include "bitgrain/run/import_weights.hpp"

#include <doctest/doctest.h>

#include "bitgrain/models/lenet5.hpp"
#include "bitgrain/models/resnet_cifar.hpp"
#include "bitgrain/models/vgg7.hpp"
#include "error_of.hpp"
#include "run/nchw_reference.hpp"

using namespace bitgrain;

namespace {

// Random weights for `model` under torchvision's names and in PyTorch's layout; `names` says which list to take.
nchw::Weights random_weights(const Module<float>& model, const PyTorchLayout& layout, std::size_t names) {
  nchw::Weights all;
  RandomStream random(5, "weights");
  const auto add = [&](const std::string& ours, const Shape& shape) {
    Tensor<float> t(layout.shape_there(ours, shape));
    const double scale = std::sqrt(2.0 / static_cast<double>(t.numel() / t.shape()[0]));
    for (std::int64_t i = 0; i < t.numel(); ++i) {
      double v = shape.rank() > 1 ? scale * random.normal() : 0.3 * random.normal();
      if (ours.ends_with("running_var") || (shape.rank() == 1 && ours.ends_with("weight"))) v = 1 + 0.5 * std::abs(v);
      t.mutable_data()[i] = static_cast<float>(v);
    }
    all.emplace(names_elsewhere(ours).at(names), std::move(t));
  };
  for (const auto& p : model.parameters()) add(p.name, p.var.shape());
  for (const auto& b : model.buffers()) add(b.name, b.tensor.shape());
  return all;
}

// The largest difference of logits, relative to their largest, over two random images.
template <class Reference>
double difference(Module<float>& model, const Shape& image, const nchw::Weights& all, Reference&& reference) {
  RandomStream random(7, "images");
  double worst = 0;
  for (int n = 0; n < 2; ++n) {
    Tensor<float> x(Shape{1, image[0], image[1], image[2]});
    nchw::Image there(image[2], image[0], image[1]);
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      x.mutable_data()[i] = static_cast<float>(random.normal());
      const std::int64_t pixel = i / image[2];
      there.at(i % image[2], pixel / image[1], pixel % image[1]) = static_cast<double>(x[i]);
    }
    model.set_training(false);
    const NoGrad no_grad;
    const Var<float> logits = model(Var<float>(x));
    const nchw::Image expected = reference(all, there);
    double largest = 0, off = 0;
    for (std::int64_t i = 0; i < logits.numel(); ++i) {
      largest = std::max(largest, std::abs(expected.at(i, 0, 0)));
      off = std::max(off, std::abs(expected.at(i, 0, 0) - static_cast<double>(logits.value()[i])));
    }
    worst = std::max(worst, off / largest);
  }
  return worst;
}

// Images are not square, so that rows and columns cannot be confused.
template <class Reference>
void check_import(Module<float>& model, const Shape& image, std::size_t names, Reference&& reference) {
  const PyTorchLayout layout(model, image);
  const nchw::Weights all = random_weights(model, layout, names);
  import_weights({"the file", all, false}, model, &layout);
  CHECK(difference(model, image, all, reference) < 1e-5);

  // And out again: the same bits.
  std::size_t exported = 0;
  for (const auto& [name, tensor] : export_weights(model, &layout)) {
    const Tensor<float>& theirs = all.at(names_elsewhere(name).at(names));
    CHECK(tensor.shape() == theirs.shape());
    CHECK(std::equal(tensor.data(), tensor.data() + tensor.numel(), theirs.data()));
    ++exported;
  }
  CHECK(exported == all.size());
}

}  // namespace

TEST_CASE("LeNet-5 from PyTorch; without the new order behind the flatten it would compute something else") {
  const Shape image{24, 20, 2};
  LeNet5<> net({image, 7});
  check_import(net, image, 3, nchw::lenet5);
  const PyTorchLayout layout(net, image);
  const nchw::Weights all = random_weights(net, layout, 3);
  for (auto& p : net.parameters())
    if (p.name == "fc1.weight") p.var.mutable_value().copy_from(all.at("fc1.weight"));
  CHECK(difference(net, image, all, nchw::lenet5) > 0.1);
}

TEST_CASE("VGG-7 from PyTorch") {
  const Shape image{24, 16, 3};
  Vgg7<> net({.image = image, .classes = 5, .base_width = 4});
  check_import(net, image, 3, nchw::vgg7);
  const PyTorchLayout layout(net, image);
  const nchw::Weights all = random_weights(net, layout, 3);
  for (auto& p : net.parameters())
    if (p.name == "fc1.linear.weight") p.var.mutable_value().copy_from(all.at("fc1.weight"));
  CHECK(difference(net, image, all, nchw::vgg7) > 0.1);
}

TEST_CASE("ResNet-20 from PyTorch, with both kinds of shortcut") {
  const Shape image{12, 8, 3};
  for (const ResNetShortcut shortcut : {ResNetShortcut::kA, ResNetShortcut::kB}) {
    ResNetCifar<> net({.depth = 20, .image = image, .classes = 6, .shortcut = shortcut, .base_width = 4});
    check_import(net, image, 1, nchw::resnet20);
  }
}

TEST_CASE("our own names and order are taken as they are, and prefixes of wrappers are dropped") {
  LeNet5<> from({{16, 16, 1}, 3}), to({{16, 16, 1}, 3});
  from.parameters()[0].var.mutable_value().fill(7);
  WeightSet set{"the file", {}, false};
  for (const auto& [name, tensor] : export_weights(from, nullptr))
    set.tensors.emplace("module.model." + name, tensor);
  import_weights(set, to, nullptr);
  CHECK(to.parameters()[0].var.value()[3] == 7.0F);
}

TEST_CASE("what does not fit is listed with its shape, and nothing is written") {
  LeNet5<> net({{16, 16, 1}, 3});
  const float before = net.parameters()[0].var.value()[0];
  const PyTorchLayout layout(net, {16, 16, 1});
  WeightSet set{"file 'w'", random_weights(net, layout, 0), false};
  set.tensors.erase("head.bias");
  set.tensors.at("conv1.weight") = Tensor<float>(Shape{32, 5, 5, 1}, 0.0F);  // not in PyTorch's order
  set.tensors.emplace("conv9.weight", Tensor<float>(Shape{1, 2, 3, 4}, 0.0F));
  CHECK(error_of([&] { import_weights(set, net, &layout); }) ==
        "file 'w' does not fit the network:\n"
        "  of another shape: 'conv1.weight' [32,5,5,1], the network's 'conv1.weight' has [32,1,5,5]\n"
        "  missing: 'head.bias' [3]\n"
        "  not in the network: 'conv9.weight' [1,2,3,4]");
  CHECK(net.parameters()[0].var.value()[0] == before);
}

TEST_CASE("a single tensor replaces its own and leaves the others") {
  LeNet5<> net({{16, 16, 1}, 3});
  const float other = net.parameters()[0].var.value()[0];
  import_weights({"file 'head.bias.npy'", {{"head.bias", Tensor<float>(Shape{3}, 2.0F)}}, true}, net, nullptr);
  CHECK(net.parameters().back().var.value()[1] == 2.0F);
  CHECK(net.parameters()[0].var.value()[0] == other);
  CHECK(contains(error_of([&] {
                   import_weights({"x", {{"nose", Tensor<float>(Shape{3}, 2.0F)}}, true}, net, nullptr);
                 }),
                 "not in the network: 'nose' [3]"));
}
