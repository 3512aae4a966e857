#include "bitgrain/nn/conv2d.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "nn/check_module.hpp"

namespace bitgrain {
namespace {

TEST_CASE("parameters have their shapes and names; the bias does not decay and can be left out") {
  const Conv2d<float> conv(3, 16, {.kernel_h = 3, .kernel_w = 5});
  CHECK(conv.weight().shape() == Shape{16, 3, 5, 3});
  CHECK(conv.bias().shape() == Shape{16});
  CHECK(parameter_names(conv) == std::vector<std::string>{"weight", "bias"});
  CHECK(conv.parameters()[0].decay);
  CHECK_FALSE(conv.parameters()[1].decay);
  const Conv2d<float> plain(3, 16, Window2d::square(3), false);
  CHECK_FALSE(plain.bias().defined());
  CHECK(parameter_names(plain) == std::vector<std::string>{"weight"});
  const Conv2d<float> grouped(8, 16, Window2d::square(3), false, 4);
  CHECK(grouped.weight().shape() == Shape{16, 3, 3, 2});
}

TEST_CASE("a convolution computed by hand, with stride, padding and bias") {
  Conv2d<double> conv(1, 1, Window2d::square(2, 2, 1));
  conv.weight().mutable_value().copy_from(Tensor<double>(Shape{1, 2, 2, 1}, {1, 10, 100, 1000}));
  conv.bias().mutable_value().fill(0.5);
  const auto y = conv(Var<double>(Tensor<double>(Shape{1, 2, 2, 1}, {1, 2, 3, 4})));
  CHECK(y.shape() == Shape{1, 2, 2, 1});
  CHECK(y.value()[0] == 1000.5);  // only x(0,0), under the last weight
  CHECK(y.value()[1] == 200.5);
  CHECK(y.value()[2] == 30.5);
  CHECK(y.value()[3] == 4.5);
}

TEST_CASE("gradients of a layer with groups, stride and bias") {
  Conv2d<double> conv(4, 6, Window2d::square(3, 2, 1), true, 2);
  const auto report = check_module(conv, normal_tensor<double>(Shape{2, 5, 4, 4}, "x"));
  CHECK_MESSAGE(report.ok, report.text());
}

TEST_CASE("a layer that nobody initialised has usable weights within 1 / sqrt(fan_in)") {
  const Conv2d<float> conv(4, 8, Window2d::square(3));
  float most = 0;
  for (const float w : conv.weight().value().values()) most = std::max(most, std::abs(w));
  CHECK(most <= 1 / 6.0F);
  CHECK(most > 0.9F / 6.0F);
}

TEST_CASE("the description tells the geometry") {
  CHECK(Conv2d<float>(3, 16, Window2d::square(3, 1, 1), false).describe() ==
        "Conv2d(3 -> 16, 3x3, stride 1, padding 1)");
  CHECK(Conv2d<float>(8, 8, Window2d::square(3, 2, 1), true, 8).describe() ==
        "Conv2d(8 -> 8, 3x3, stride 2, padding 1, groups 8, bias)");
}

TEST_CASE("impossible geometry is refused") {
  CHECK_THROWS_WITH_AS((Conv2d<float>(3, 16, Window2d::square(3), true, 2)), doctest::Contains("groups"), Error);
  CHECK_THROWS_AS((Conv2d<float>(3, 16, Window2d::square(0))), Error);
  CHECK_THROWS_AS((Conv2d<float>(0, 16, Window2d::square(3))), Error);
}

}  // namespace
}  // namespace bitgrain
