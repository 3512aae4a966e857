#include "bitgrain/optim/adamw.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "bitgrain/base/random.hpp"
#include "optim/one_number.hpp"

namespace bitgrain {
namespace {

TEST_CASE("with a zero gradient AdamW only shrinks the weight, by rate times decay") {
  auto w = parameter(2.0);
  AdamW<double> adamw({{"w", w}}, {.learning_rate = 0.1, .weight_decay = 0.5});
  set_gradient(w, 0.0);
  adamw.step();
  CHECK(w.value()[0] == doctest::Approx(2.0 * (1 - 0.1 * 0.5)).epsilon(1e-15));
}

TEST_CASE("AdamW decays by 0.01 by default and leaves parameters without the flag alone") {
  auto w = parameter(1.0), bias = parameter(1.0);
  AdamW<double> adamw({{"w", w, true}, {"b", bias, false}});
  set_gradient(w, 0.0);
  set_gradient(bias, 0.0);
  adamw.step(1.0);
  CHECK(w.value()[0] == doctest::Approx(0.99).epsilon(1e-15));
  CHECK(bias.value()[0] == 1.0);
}

TEST_CASE("AdamW follows PyTorch's formulas over a random run") {
  RandomStream random(6, "adamw");
  auto w = parameter(0.7);
  AdamW<double> adamw({{"w", w}}, {.weight_decay = 0.1});
  double p = 0.7, m = 0, v = 0;
  for (int t = 1; t <= 60; ++t) {
    const double rate = 0.05 / t, g = random.normal();
    set_gradient(w, g);
    adamw.step(rate);
    p *= 1 - rate * 0.1;
    m += (g - m) * (1 - 0.9);
    v = v * 0.999 + (1 - 0.999) * g * g;
    p += -(rate / (1 - std::pow(0.9, t))) * (m / (std::sqrt(v) / std::sqrt(1 - std::pow(0.999, t)) + 1e-8));
  }
  CHECK(w.value()[0] == doctest::Approx(p).epsilon(1e-12));
}

}  // namespace
}  // namespace bitgrain
