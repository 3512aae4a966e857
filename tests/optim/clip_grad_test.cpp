#include "bitgrain/optim/clip_grad.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace bitgrain {
namespace {

using FloatParameters = std::vector<Module<float>::Parameter>;

Var<float> with_gradient(const Tensor<float>& gradient) {
  Var<float> var(Tensor<float>(gradient.shape(), 0.0F), true);
  var.add_grad(gradient);
  return var;
}

TEST_CASE("gradients beyond the norm are scaled together, and the norm before is returned") {
  const auto a = with_gradient(Tensor<float>(Shape{2}, {3.0F, 0.0F}));
  const auto b = with_gradient(Tensor<float>(Shape{1}, {-4.0F}));
  const Var<float> none(Tensor<float>(Shape{1}, 0.0F), true);
  CHECK(clip_grad_norm(FloatParameters{{"a", a}, {"none", none}, {"b", b}}, 1.0) == doctest::Approx(5.0));
  CHECK(a.grad()[0] == doctest::Approx(0.6));
  CHECK(b.grad()[0] == doctest::Approx(-0.8));
  CHECK_FALSE(none.grad().defined());
}

TEST_CASE("gradients within the norm are untouched") {
  const auto a = with_gradient(Tensor<float>(Shape{2}, {0.3F, 0.4F}));
  CHECK(clip_grad_norm(FloatParameters{{"a", a}}, 1.0) == doctest::Approx(0.5));
  CHECK(a.grad()[0] == 0.3F);
}

TEST_CASE("a gradient tensor shared by two variables is clipped once for each") {
  const Tensor<float> shared(Shape{1}, {3.0F});
  const auto a = with_gradient(shared), b = with_gradient(shared);
  clip_grad_norm(FloatParameters{{"a", a}, {"b", b}}, 1.0);
  CHECK(a.grad()[0] == doctest::Approx(0.70710678).epsilon(1e-5));
  CHECK(b.grad()[0] == doctest::Approx(0.70710678).epsilon(1e-5));
  CHECK(shared[0] == 3.0F);
}

TEST_CASE("clipping by value clamps each element at both ends") {
  const auto a = with_gradient(Tensor<float>(Shape{4}, {-7.0F, -0.5F, 0.25F, 9.0F}));
  clip_grad_value(FloatParameters{{"a", a}}, 1.0);
  CHECK(a.grad()[0] == -1.0F);
  CHECK(a.grad()[1] == -0.5F);
  CHECK(a.grad()[2] == 0.25F);
  CHECK(a.grad()[3] == 1.0F);
}

TEST_CASE("the norm of a large gradient does not depend on the number of threads") {
  Tensor<float> gradient(Shape{100003});
  for (std::int64_t i = 0; i < gradient.numel(); ++i)
    gradient.mutable_data()[i] = static_cast<float>(i % 977) * 1e-3F - 0.3F;
  const int threads = num_threads();
  double norms[3];
  for (int t = 1; t <= 3; ++t) {
    set_num_threads(t);
    norms[t - 1] = clip_grad_norm(FloatParameters{{"a", with_gradient(gradient)}}, 1.0);
  }
  set_num_threads(threads);
  CHECK(norms[0] == norms[1]);
  CHECK(norms[0] == norms[2]);
}

TEST_CASE("a limit of zero is refused") {
  CHECK_THROWS_AS(clip_grad_norm(FloatParameters{}, 0.0), Error);
  CHECK_THROWS_AS(clip_grad_value(FloatParameters{}, 0.0), Error);
}

}  // namespace
}  // namespace bitgrain
