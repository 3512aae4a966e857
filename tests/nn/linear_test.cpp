#include "bitgrain/nn/linear.hpp"

#include <doctest/doctest.h>

#include "nn/check_module.hpp"

namespace bitgrain {
namespace {

TEST_CASE("y = x w^T + bias, computed by hand") {
  Linear<double> fc(2, 3);
  fc.weight().mutable_value().copy_from(Tensor<double>(Shape{3, 2}, {1, 2, 3, 4, 5, 6}));
  fc.bias().mutable_value().copy_from(Tensor<double>(Shape{3}, {0.1, 0.2, 0.3}));
  const auto y = fc(Var<double>(Tensor<double>(Shape{1, 2}, {10, 100})));
  CHECK(y.value()[0] == doctest::Approx(210.1));
  CHECK(y.value()[1] == doctest::Approx(430.2));
  CHECK(y.value()[2] == doctest::Approx(650.3));
}

TEST_CASE("parameters: the weight decays, the bias does not and can be left out") {
  const Linear<float> fc(2, 3), plain(2, 3, false);
  CHECK(parameter_names(fc) == std::vector<std::string>{"weight", "bias"});
  CHECK(fc.parameters()[0].decay);
  CHECK_FALSE(fc.parameters()[1].decay);
  CHECK(parameter_names(plain) == std::vector<std::string>{"weight"});
  CHECK(fc.describe() == "Linear(2 -> 3, bias)");
  CHECK(plain.describe() == "Linear(2 -> 3)");
}

TEST_CASE("gradients of weight, bias and input") {
  Linear<double> fc(4, 3);
  const auto report = check_module(fc, normal_tensor<double>(Shape{5, 4}, "x"));
  CHECK_MESSAGE(report.ok, report.text());
}

TEST_CASE("a layer of no features is refused") { CHECK_THROWS_AS(Linear<float>(0, 3), Error); }

}  // namespace
}  // namespace bitgrain
