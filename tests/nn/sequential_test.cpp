#include "bitgrain/nn/sequential.hpp"

#include <doctest/doctest.h>

#include "bitgrain/nn/linear.hpp"
#include "bitgrain/nn/relu.hpp"
#include "nn/check_module.hpp"

namespace bitgrain {
namespace {

TEST_CASE("children run in order, under their names") {
  Sequential<float> net;
  auto& fc = net.emplace<Linear<float>>("fc", 1, 1);
  net.add("act", std::make_unique<ReLU<float>>());
  fc.weight().mutable_value().fill(-2.0F);
  fc.bias().mutable_value().fill(1.0F);
  const auto run = [&net](float x) { return net(Var<float>(Tensor<float>(Shape{1, 1}, x))).item(); };
  CHECK(run(3.0F) == 0.0F);  // relu(-5), not -2 relu(3) + 1
  CHECK(run(-3.0F) == 7.0F);
  CHECK(net.size() == 2);
  CHECK(net[1].name() == "act");
  CHECK(parameter_names(net) == std::vector<std::string>{"fc.weight", "fc.bias"});
}

TEST_CASE("a nested sequential gives full names, whether it was filled before or after it was added") {
  Sequential<float> net;
  auto early = std::make_unique<Sequential<float>>();
  early->emplace<Linear<float>>("fc", 1, 1, false);
  net.add("early", std::move(early));
  auto& late = net.emplace<Sequential<float>>("late");
  late.emplace<Linear<float>>("fc", 1, 1, false);
  CHECK(parameter_names(net) == std::vector<std::string>{"early.fc.weight", "late.fc.weight"});
}

TEST_CASE("an empty sequential is the identity; null layers, equal names and missing layers are refused") {
  Sequential<float> net;
  const Var<float> x(Tensor<float>(Shape{1}, 4.0F));
  CHECK(net(x).id() == x.id());
  CHECK_THROWS_WITH_AS(net.add("gone", nullptr), doctest::Contains("'gone'"), Error);
  net.emplace<ReLU<float>>("act");
  CHECK_THROWS_WITH_AS(net.emplace<ReLU<float>>("act"), doctest::Contains("'act'"), Error);
  CHECK(net.size() == 1);
  CHECK_THROWS_AS(net[1], Error);
}

}  // namespace
}  // namespace bitgrain
