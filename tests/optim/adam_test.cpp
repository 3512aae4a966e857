#include "bitgrain/optim/adam.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "bitgrain/base/random.hpp"
#include "optim/one_number.hpp"

namespace bitgrain {
namespace {

TEST_CASE("Adam's first step is the learning rate against the sign of the gradient, whatever its size") {
  for (const double g : {1e-3, 1.0, 1e3}) {
    auto w = parameter(0.5);
    Adam<double> adam({{"w", w}}, {.learning_rate = 0.01});
    set_gradient(w, g);
    adam.step();
    CHECK(w.value()[0] == doctest::Approx(0.49).epsilon(1e-6));
  }
}

TEST_CASE("Adam's second step, computed by hand") {
  // beta1 = 0.5, beta2 = 0.75, rate 1, epsilon 0; g = 1 then 2.
  // t=1: m = 0.5, v = 0.25; w = 0 - (0.5/0.5) / sqrt(0.25/0.25) = -1
  // t=2: m = 1.25, v = 1.1875; m^ = 1.25/0.75 = 5/3, v^ = 1.1875/0.4375 = 19/7; w = -1 - (5/3)/sqrt(19/7)
  auto w = parameter(0.0);
  Adam<double> adam({{"w", w}}, {.learning_rate = 1, .beta1 = 0.5, .beta2 = 0.75, .epsilon = 0});
  set_gradient(w, 1.0);
  adam.step();
  CHECK(w.value()[0] == doctest::Approx(-1.0).epsilon(1e-15));
  set_gradient(w, 2.0);
  adam.step();
  CHECK(w.value()[0] == doctest::Approx(-1.0 - (5.0 / 3.0) / std::sqrt(19.0 / 7.0)).epsilon(1e-14));
}

TEST_CASE("Adam follows PyTorch's formulas over a random run with decay, changing rate and changing beta1") {
  RandomStream random(5, "adam");
  auto w = parameter(0.7);
  Adam<double> adam({{"w", w}}, {.weight_decay = 0.02});
  double p = 0.7, m = 0, v = 0;
  for (int t = 1; t <= 60; ++t) {
    const double rate = 0.05 / t, beta1 = 0.85 + 0.001 * t, g = random.normal();
    set_gradient(w, g);
    adam.set_momentum(beta1);
    adam.step(rate);
    const double grad = g + 0.02 * p;
    m += (grad - m) * (1 - beta1);
    v = v * 0.999 + (1 - 0.999) * grad * grad;
    const double denominator = std::sqrt(v) / std::sqrt(1 - std::pow(0.999, t)) + 1e-8;
    p += -(rate / (1 - std::pow(beta1, t))) * (m / denominator);
  }
  CHECK(w.value()[0] == doctest::Approx(p).epsilon(1e-12));
}

TEST_CASE("bias correction counts the updates of each parameter, not the steps of the optimizer") {
  auto early = parameter(0.0), late = parameter(0.0);
  Adam<double> adam({{"early", early}, {"late", late}}, {.learning_rate = 0.1});
  for (int t = 0; t < 5; ++t) {
    set_gradient(early, 1.0);
    adam.step();
  }
  set_gradient(late, 1.0);
  adam.step();
  CHECK(late.value()[0] == doctest::Approx(-0.1).epsilon(1e-6));
}

TEST_CASE("Adam's state has names and continues a run exactly when it is copied back") {
  const auto advance = [](Var<double>& w, Adam<double>& adam, int steps) {
    for (int t = 0; t < steps; ++t) {
      set_gradient(w, w.value()[0] - 3.0);
      adam.step();
    }
  };
  auto whole = parameter(1.0);
  Adam<double> uninterrupted({{"w", whole}}, {.learning_rate = 0.1});
  advance(whole, uninterrupted, 9);
  auto first = parameter(1.0);
  Adam<double> before({{"w", first}}, {.learning_rate = 0.1});
  advance(first, before, 4);
  auto second = parameter(first.value()[0]);
  Adam<double> after({{"w", second}}, {.learning_rate = 0.1});
  auto saved = before.state(), restored = after.state();
  REQUIRE(restored.size() == 3);
  CHECK(restored[0].name == "w.first_moment");
  CHECK(restored[1].name == "w.second_moment");
  CHECK(restored[2].name == "w.updates");
  CHECK(saved[2].tensor[0] == 4.0);
  for (std::size_t i = 0; i < 3; ++i) restored[i].tensor.copy_from(saved[i].tensor);
  advance(second, after, 5);
  CHECK(second.value()[0] == whole.value()[0]);
}

TEST_CASE("Adam finds the minimum of a badly scaled quadratic") {
  auto a = parameter(3.0), b = parameter(-2.0);
  Adam<double> adam({{"a", a}, {"b", b}}, {.learning_rate = 0.05});
  for (int t = 0; t < 600; ++t) {
    set_gradient(a, 1000 * (a.value()[0] - 1));
    set_gradient(b, 0.001 * (b.value()[0] - 1));
    adam.step(0.05 * (1 - t / 600.0));
  }
  CHECK(std::abs(a.value()[0] - 1) < 1e-3);
  CHECK(std::abs(b.value()[0] - 1) < 1e-3);
}

TEST_CASE("impossible betas are refused") {
  auto w = parameter(1.0);
  CHECK_THROWS_WITH_AS((Adam<double>({{"w", w}}, {.beta1 = 1.0})), doctest::Contains("beta1"), Error);
  CHECK_THROWS_WITH_AS((Adam<double>({{"w", w}}, {.beta2 = -0.5})), doctest::Contains("-0.5"), Error);
}

}  // namespace
}  // namespace bitgrain
