#include "bitgrain/nn/batch_norm2d.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "nn/check_module.hpp"

namespace bitgrain {
namespace {

TEST_CASE("training normalises with the statistics of the batch and moves the running ones by the momentum") {
  BatchNorm2d<double> bn(2);
  bn.weight().mutable_value().mutable_data()[1] = 3;
  bn.bias().mutable_value().mutable_data()[1] = -1;
  // channel 0: 1, 3 (mean 2, biased variance 1, unbiased 2); channel 1: 10, 20 (15, 25, 50)
  const Var<double> x(Tensor<double>(Shape{1, 1, 2, 2}, {1.0, 10.0, 3.0, 20.0}));
  const Var<double> y = bn(x);
  CHECK(y.value()[0] == doctest::Approx(-1 / std::sqrt(1 + 1e-5)).epsilon(1e-12));
  CHECK(y.value()[2] == doctest::Approx(1 / std::sqrt(1 + 1e-5)).epsilon(1e-12));
  CHECK(y.value()[1] == doctest::Approx(-1 - 3 * 5 / std::sqrt(25 + 1e-5)).epsilon(1e-12));
  CHECK(bn.running_mean()[0] == doctest::Approx(0.1 * 2));
  CHECK(bn.running_mean()[1] == doctest::Approx(0.1 * 15));
  CHECK(bn.running_var()[0] == doctest::Approx(0.9 + 0.1 * 2));
  CHECK(bn.running_var()[1] == doctest::Approx(0.9 + 0.1 * 50));
}

TEST_CASE("evaluation uses the running statistics and leaves them alone") {
  BatchNorm2d<double> bn(1);
  bn.running_mean().fill(2.0);
  bn.running_var().fill(4.0);
  bn.set_training(false);
  const Var<double> y = bn(Var<double>(Tensor<double>(Shape{1, 1}, 6.0)));
  CHECK(y.item() == doctest::Approx(4 / std::sqrt(4 + 1e-5)).epsilon(1e-12));
  CHECK(bn.running_mean()[0] == 2.0);
  CHECK(bn.running_var()[0] == 4.0);
}

TEST_CASE("a momentum of 1/k at the k-th batch leaves the plain average in the running statistics") {
  BatchNorm2d<double> bn(1);
  bn.running_mean().fill(77.0);
  bn.reset_statistics();
  CHECK(bn.running_mean()[0] == 0.0);
  double means = 0;
  for (int k = 1; k <= 4; ++k) {
    bn.set_momentum(1.0 / k);
    bn(Var<double>(Tensor<double>(Shape{2, 1}, {1.0 * k, 2.0 * k * k})));
    means += (1.0 * k + 2.0 * k * k) / 2;
  }
  CHECK(bn.running_mean()[0] == doctest::Approx(means / 4).epsilon(1e-12));
}

TEST_CASE("gradients in training and in evaluation, on images and on features") {
  BatchNorm2d<double> bn(3);
  fill_normal(bn.weight().mutable_value(), RandomStream(1, "gamma"), 1, 0.3);
  fill_normal(bn.bias().mutable_value(), RandomStream(1, "beta"), 0, 0.3);
  for (const bool training : {true, false}) {
    bn.set_training(training);
    for (const Shape& shape : {Shape{2, 2, 3, 3}, Shape{5, 3}}) {
      const auto report = check_module(bn, normal_tensor<double>(shape, "x"));
      CHECK_MESSAGE(report.ok, report.text());
    }
  }
}

TEST_CASE("parameters have PyTorch's names and no weight decay") {
  const BatchNorm2d<float> bn(4);
  CHECK(parameter_names(bn) == std::vector<std::string>{"weight", "bias"});
  CHECK_FALSE(bn.parameters()[0].decay);
  CHECK_FALSE(bn.parameters()[1].decay);
  REQUIRE(bn.buffers().size() == 2);
  CHECK(bn.buffers()[0].name == "running_mean");
  CHECK(bn.buffers()[1].name == "running_var");
  CHECK(bn.describe() == "BatchNorm2d(4)");
}

TEST_CASE("copies start equal, then live apart: parameters, statistics and gradients") {
  BatchNorm2d<double> bn(1);
  bn.weight().mutable_value().fill(2.0);
  bn.running_mean().fill(5.0);
  const void* original = bn.weight().id();
  bn.use_copies(3);
  CHECK(bn.copies() == 3);
  CHECK(bn.selected_copy() == 0);
  CHECK(bn.weight().id() == original);  // an optimizer that holds it goes on
  CHECK(parameter_names(bn) == std::vector<std::string>{"copy0.weight", "copy0.bias", "copy1.weight", "copy1.bias",
                                                        "copy2.weight", "copy2.bias"});
  CHECK(bn.buffers()[3].name == "copy1.running_var");

  bn.select_copy(1);
  CHECK(bn.weight().item() == 2.0);
  CHECK(bn.running_mean()[0] == 5.0);
  const Var<double> y = bn(Var<double>(Tensor<double>(Shape{2, 1}, {0.0, 2.0})));
  y.backward(Tensor<double>(Shape{2, 1}, {1.0, 2.0}));
  CHECK(bn.running_mean()[0] == doctest::Approx(4.6));
  CHECK(bn.weight().grad().defined());
  bn.weight().mutable_value().fill(8.0);
  for (const int other : {0, 2}) {
    bn.select_copy(other);
    CHECK(bn.running_mean()[0] == 5.0);
    CHECK(bn.weight().item() == 2.0);
    CHECK_FALSE(bn.weight().grad().defined());
  }
}

TEST_CASE("keeping a copy makes it the only one, under the plain names") {
  BatchNorm2d<float> bn(1);
  bn.use_copies(3);
  bn.select_copy(2);
  bn.weight().mutable_value().fill(7.0F);
  bn.running_var().fill(6.0F);
  bn.select_copy(0);
  bn.keep_copy(2);
  CHECK(bn.copies() == 1);
  CHECK(bn.weight().item() == 7.0F);
  CHECK(bn.running_var()[0] == 6.0F);
  CHECK(parameter_names(bn) == std::vector<std::string>{"weight", "bias"});
  bn.weight().mutable_value().fill(3.0F);
  bn.use_copies(2);  // again, from what is in use now
  bn.select_copy(1);
  CHECK(bn.weight().item() == 3.0F);
}

TEST_CASE("impossible copies, sizes and momenta are refused") {
  BatchNorm2d<float> bn(1);
  CHECK_THROWS_WITH_AS(bn.select_copy(1), doctest::Contains("copy 1"), Error);
  CHECK_THROWS_AS(bn.keep_copy(-1), Error);
  CHECK_THROWS_AS(bn.use_copies(0), Error);
  CHECK_THROWS_AS(bn.set_momentum(1.5), Error);
  CHECK_THROWS_AS(BatchNorm2d<float>(0), Error);
}

struct Two : Module<float> {
  Two() {
    register_module("a", a);
    register_module("b", b);
  }
  Var<float> forward(const Var<float>& x) override { return b(a(x)); }
  BatchNorm2d<float> a{1}, b{1};
};

TEST_CASE("batch_norms finds every batch norm of a network") {
  Two two;
  const auto found = batch_norms<float>(two);
  REQUIRE(found.size() == 2);
  CHECK(found[0] == &two.a);
  CHECK(found[1] == &two.b);
}

}  // namespace
}  // namespace bitgrain
