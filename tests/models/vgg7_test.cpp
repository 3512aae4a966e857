#include "bitgrain/models/vgg7.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "bitgrain/nn/initialize.hpp"
#include "models/tiny_problem.hpp"
#include "nn/check_module.hpp"

namespace bitgrain {
namespace {

TEST_CASE("VGG-7 has 4,574,592 convolution and 8,398,848 linear weights") {
  Vgg7<> net;
  std::int64_t convolution = 0, linear = 0, rest = 0;
  for (const auto& p : net.parameters())
    (p.var.shape().rank() == 4 ? convolution : p.var.shape().rank() == 2 ? linear : rest) += p.var.numel();
  CHECK(convolution == 4574592);
  CHECK(linear == 8398848);
  CHECK(rest == 2 * (2 * 128 + 2 * 256 + 2 * 512 + 1024) + 10);  // batch norms and the bias of the head
}

TEST_CASE("VGG-7 pools after the second, fourth and sixth convolution and ends in 1024 features") {
  Vgg7<> net({.base_width = 2});
  Trace<float> trace;
  net(Var<float>(Tensor<float>(Shape{2, 32, 32, 3}, 0.5F)));
  std::vector<std::string> ran;
  for (const auto& r : trace.records)
    if (r.op != "batch_norm_train") ran.push_back(r.layer + " " + r.output.shape().to_string());
  CHECK(ran == std::vector<std::string>{"conv1.conv [2,32,32,2]", "conv1.act [2,32,32,2]", "conv2.conv [2,32,32,2]",
                                        "conv2.act [2,32,32,2]", "pool1 [2,16,16,2]", "conv3.conv [2,16,16,4]",
                                        "conv3.act [2,16,16,4]", "conv4.conv [2,16,16,4]", "conv4.act [2,16,16,4]",
                                        "pool2 [2,8,8,4]", "conv5.conv [2,8,8,8]", "conv5.act [2,8,8,8]",
                                        "conv6.conv [2,8,8,8]", "conv6.act [2,8,8,8]", "pool3 [2,4,4,8]",
                                        "flatten [2,128]", "fc1.linear [2,16]", "fc1.act [2,16]", "head [2,10]"});
}

TEST_CASE("VGG-7 learns a tiny problem by heart") {
  Vgg7<> net({.image = {8, 8, 3}, .classes = 4, .base_width = 6});
  initialize(net, 1);
  const auto losses = TinyProblem<float>(net.input_shape()).train(net, 50, 3e-3);
  CHECK(losses.front() > 1.0);
  CHECK(losses.back() < 0.05);
}

TEST_CASE("VGG-7 refuses images that its pools shrink to nothing") {
  CHECK_THROWS_WITH_AS(Vgg7<>({.image = {32, 7, 3}}), doctest::Contains("[32,7,3]"), Error);
}

}  // namespace
}  // namespace bitgrain
