#include "bitgrain/models/lenet5.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bitgrain/nn/initialize.hpp"
#include "models/tiny_problem.hpp"
#include "nn/check_module.hpp"

namespace bitgrain {
namespace {

TEST_CASE("LeNet-5 has the 582,026 parameters of the paper's network, under stable names") {
  LeNet5<> net;
  CHECK(net.parameter_count() == 582026);
  CHECK(parameter_names(net) == std::vector<std::string>{"conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias",
                                                         "fc1.weight", "fc1.bias", "head.weight", "head.bias"});
  CHECK(net.input_shape() == Shape{28, 28, 1});
  CHECK(net.describe() == "LeNet5(image [28,28,1], 10 classes)");
}

TEST_CASE("LeNet-5 runs conv, act, pool twice, then two linear layers") {
  LeNet5<> net;
  Trace<float> trace;
  const auto logits = net(Var<float>(Tensor<float>(Shape{2, 28, 28, 1}, 0.5F)));
  CHECK(logits.shape() == Shape{2, 10});
  std::vector<std::string> ran;
  for (const auto& r : trace.records) ran.push_back(r.layer + " " + r.output.shape().to_string());
  CHECK(ran == std::vector<std::string>{"conv1 [2,24,24,32]", "act1 [2,24,24,32]", "pool1 [2,12,12,32]",
                                        "conv2 [2,8,8,64]", "act2 [2,8,8,64]", "pool2 [2,4,4,64]", "flatten [2,1024]",
                                        "fc1 [2,512]", "act3 [2,512]", "head [2,10]"});
}

TEST_CASE("LeNet-5 pools and clips in one op, with the logits and gradients of the ops that a trace sees") {
  LeNet5<> fused, separate;
  for (auto* net : {&fused, &separate}) initialize(*net, 1);
  Tensor<float> images(Shape{3, 28, 28, 1});
  fill_normal(images, RandomStream(1, "images"), 0.0, 1.0);
  const auto run = [&](LeNet5<>& net) {
    const auto logits = net(Var<float>(images));
    logits.backward(Tensor<float>(logits.shape(), 1.0F));
    return logits.value();
  };
  const auto same = [](const Tensor<float>& a, const Tensor<float>& b) {
    return std::equal(a.values().begin(), a.values().end(), b.values().begin(), b.values().end());
  };
  const auto logits = run(fused);
  Trace<float> trace;
  CHECK(same(run(separate), logits));
  for (std::size_t i = 0; i < fused.parameters().size(); ++i)
    CHECK(same(fused.parameters()[i].var.grad(), separate.parameters()[i].var.grad()));
}

TEST_CASE("LeNet-5 learns a tiny problem by heart") {
  LeNet5<> net({.image = {16, 16, 1}, .classes = 4});
  initialize(net, 1);
  const auto losses = TinyProblem<float>(net.input_shape()).train(net, 20, 1e-3);
  CHECK(losses.front() > 1.0);
  CHECK(losses.back() < 0.05);
}

TEST_CASE("LeNet-5 takes colour images of other sizes and refuses too small ones") {
  LeNet5<> net({.image = {32, 20, 3}, .classes = 7});
  CHECK(net(Var<float>(Tensor<float>(Shape{1, 32, 20, 3}, 0.5F))).shape() == Shape{1, 7});
  CHECK_THROWS_WITH_AS(LeNet5<>({.image = {15, 28, 1}}), doctest::Contains("[15,28,1]"), Error);
}

}  // namespace
}  // namespace bitgrain
