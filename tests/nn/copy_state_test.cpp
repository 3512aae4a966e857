#include "bitgrain/nn/copy_state.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "bitgrain/nn/batch_norm2d.hpp"
#include "bitgrain/nn/initialize.hpp"
#include "bitgrain/nn/linear.hpp"
#include "bitgrain/nn/sequential.hpp"
#include "nn/check_module.hpp"

namespace bitgrain {
namespace {

template <class T>
void build(Sequential<T>& net, std::int64_t hidden = 5) {
  net.template emplace<Linear<T>>("fc1", 4, hidden);
  net.template emplace<BatchNorm2d<T>>("bn", hidden);
  net.template emplace<Linear<T>>("fc2", hidden, 3);
}

TEST_CASE("a double copy of a float model holds the same numbers and computes the same function") {
  Sequential<float> f;
  Sequential<double> d;
  build(f);
  build(d);
  initialize(f, 8);
  f(Var<float>(normal_tensor<float>(Shape{16, 4}, "batch")));  // running statistics away from their start
  CHECK(copy_state(f, d).empty());
  const auto pf = f.parameters();
  const auto pd = d.parameters();
  for (std::size_t i = 0; i < pf.size(); ++i)
    for (std::int64_t k = 0; k < pf[i].var.numel(); ++k)
      REQUIRE(pd[i].var.value()[k] == static_cast<double>(pf[i].var.value()[k]));
  CHECK(d.buffers()[0].tensor[0] == static_cast<double>(f.buffers()[0].tensor[0]));
  CHECK(d.buffers()[0].tensor[0] != 0.0);

  f.set_training(false);
  d.set_training(false);
  const Tensor<float> x = normal_tensor<float>(Shape{6, 4}, "x");
  const auto yf = f(Var<float>(x)).value();
  const auto yd = d(Var<double>(x.cast<double>())).value();
  for (std::int64_t i = 0; i < yf.numel(); ++i) CHECK(std::abs(static_cast<double>(yf[i]) - yd[i]) < 1e-5);
}

TEST_CASE("the copy is a copy: writing into the target leaves the source alone") {
  Sequential<float> a, b;
  build(a);
  build(b);
  copy_state(a, b);
  const float before = a.parameters()[0].var.value()[0];
  b.parameters()[0].var.mutable_value().fill(9.0F);
  CHECK(a.parameters()[0].var.value()[0] == before);
}

TEST_CASE("the first difference is named, in both directions and for shapes, and nothing was written") {
  Sequential<float> small, large, wide;
  build(small);
  build(large);
  large.emplace<Linear<float>>("extra", 3, 2);
  build(wide, 6);
  initialize(large, 1);
  initialize(small, 2);
  const float untouched = small.parameters()[0].var.value()[0];
  CHECK_THROWS_WITH_AS(copy_state(large, small), doctest::Contains("target has no 'extra.weight'"), Error);
  CHECK_THROWS_WITH_AS(copy_state(wide, small), doctest::Contains("'fc1.weight' has shape [6,4]"), Error);
  CHECK(small.parameters()[0].var.value()[0] == untouched);
  CHECK_THROWS_WITH_AS(copy_state(small, large), doctest::Contains("source has no 'extra.weight'"), Error);
}

TEST_CASE("a target with more than the source is fine when asked for, and what was left alone is listed") {
  Sequential<float> small, large;
  build(small);
  build(large);
  large.emplace<Linear<float>>("extra", 3, 2, false);
  initialize(small, 2);
  CHECK(copy_state(small, large, StateMatch::kSource) == std::vector<std::string>{"extra.weight"});
  CHECK(large.parameters()[0].var.value()[0] == small.parameters()[0].var.value()[0]);
  CHECK_THROWS_AS(copy_state(large, small, StateMatch::kSource), Error);
}

}  // namespace
}  // namespace bitgrain
