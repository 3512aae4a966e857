#include "bitgrain/optim/sgd.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "bitgrain/base/random.hpp"

namespace bitgrain {
namespace {

using Parameters = std::vector<Module<double>::Parameter>;

Var<double> parameter(std::initializer_list<double> values) {
  return Var<double>(Tensor<double>(Shape{static_cast<std::int64_t>(values.size())}, values), true);
}
void set_gradient(Var<double>& var, std::initializer_list<double> values) {
  var.zero_grad();
  var.add_grad(Tensor<double>(var.shape(), values));
}

TEST_CASE("plain SGD subtracts rate times gradient") {
  auto w = parameter({1.0, -2.0});
  Sgd<double> sgd({{"w", w}}, {.learning_rate = 0.5});
  set_gradient(w, {0.2, -0.4});
  sgd.step();
  CHECK(w.value()[0] == doctest::Approx(0.9).epsilon(1e-15));
  CHECK(w.value()[1] == doctest::Approx(-1.8).epsilon(1e-15));
}

TEST_CASE("momentum accumulates velocity, computed by hand over three steps") {
  // g = 1: v = 1, 1.9, 2.71; w = 0 - 0.1 * (1, 2.9, 5.61)
  auto w = parameter({0.0});
  Sgd<double> sgd({{"w", w}}, {.learning_rate = 0.1, .momentum = 0.9});
  for (const double expected : {-0.1, -0.29, -0.561}) {
    set_gradient(w, {1.0});
    sgd.step();
    CHECK(w.value()[0] == doctest::Approx(expected).epsilon(1e-14));
  }
}

TEST_CASE("Nesterov looks ahead, computed by hand over two steps") {
  // g = 1: v = 1, 1.9; g + 0.9 v = 1.9, 2.71
  auto w = parameter({0.0});
  Sgd<double> sgd({{"w", w}}, {.learning_rate = 0.1, .momentum = 0.9, .nesterov = true});
  for (const double expected : {-0.19, -0.461}) {
    set_gradient(w, {1.0});
    sgd.step();
    CHECK(w.value()[0] == doctest::Approx(expected).epsilon(1e-14));
  }
}

// torch.optim.SGD's single-tensor loop, with its own notion of a buffer that does not exist before the first step.
struct TorchSgd {
  double rate, mu, decay;
  bool nesterov;
  bool has_buffer = false;
  double buffer = 0;
  double step(double p, double grad) {
    if (decay != 0) grad = grad + decay * p;
    if (mu != 0) {
      buffer = has_buffer ? mu * buffer + grad : grad;
      has_buffer = true;
      grad = nesterov ? grad + mu * buffer : buffer;
    }
    return p - rate * grad;
  }
};

TEST_CASE("SGD follows PyTorch's formulas over a random run with changing rate, with decay, momentum and Nesterov") {
  RandomStream random(3, "sgd");
  for (const bool nesterov : {false, true}) {
    for (const double mu : {0.0, 0.9}) {
      if (nesterov && mu == 0) continue;
      auto w = parameter({0.7});
      Sgd<double> sgd({{"w", w}}, {.momentum = mu, .nesterov = nesterov, .weight_decay = 0.01});
      TorchSgd torch{0, mu, 0.01, nesterov};
      double expected = 0.7;
      for (int t = 0; t < 50; ++t) {
        torch.rate = 0.1 / (1 + t);
        const double g = random.normal();
        set_gradient(w, {g});
        sgd.step(torch.rate);
        expected = torch.step(expected, g);
      }
      CHECK(w.value()[0] == doctest::Approx(expected).epsilon(1e-12));
    }
  }
}

TEST_CASE("a parameter whose flag says so does not decay; a group decides by name and wins over the flag") {
  auto weight = parameter({1.0}), bias = parameter({1.0}), gamma = parameter({1.0}), frozen = parameter({1.0});
  Sgd<double> sgd({{"fc.weight", weight, true},
                   {"fc.bias", bias, false},
                   {"bn.weight", gamma, false},
                   {"stem.weight", frozen, true}},
                  {.learning_rate = 0.1,
                   .weight_decay = 0.5,
                   .groups = {{[](const std::string& n) { return n.starts_with("bn"); }, 2.0, 0.25},
                              {[](const std::string& n) { return n.starts_with("stem"); }, 0.0, {}},
                              {[](const std::string& n) { return n.starts_with("bn"); }, 100.0, 100.0}}});
  for (auto* w : {&weight, &bias, &gamma, &frozen}) set_gradient(*w, {0.0});
  sgd.step();
  CHECK(weight.value()[0] == doctest::Approx(1 - 0.1 * 0.5));
  CHECK(bias.value()[0] == 1.0);
  CHECK(gamma.value()[0] == doctest::Approx(1 - 0.2 * 0.25));  // the first group that accepts it
  CHECK(frozen.value()[0] == 1.0);
}

TEST_CASE("a parameter without a gradient keeps its value and its velocity") {
  auto w = parameter({1.0});
  Sgd<double> sgd({{"w", w}}, {.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.5});
  set_gradient(w, {1.0});
  sgd.step();
  const double value = w.value()[0], velocity = sgd.state()[0].tensor[0];
  sgd.zero_grad();
  sgd.step();
  CHECK(w.value()[0] == value);
  CHECK(sgd.state()[0].tensor[0] == velocity);
}

TEST_CASE("state restored by name continues the run exactly") {
  const auto advance = [](Var<double>& w, Sgd<double>& sgd, int steps) {
    for (int t = 0; t < steps; ++t) {
      set_gradient(w, {w.value()[0], 0.5 * w.value()[1]});
      sgd.step();
    }
  };
  const SgdOptions options{.learning_rate = 0.1, .momentum = 0.9};
  auto whole = parameter({1.0, 2.0});
  Sgd<double> uninterrupted({{"w", whole}}, options);
  advance(whole, uninterrupted, 7);

  auto first = parameter({1.0, 2.0});
  Sgd<double> before({{"w", first}}, options);
  advance(first, before, 3);
  auto second = parameter({first.value()[0], first.value()[1]});
  Sgd<double> after({{"w", second}}, options);
  auto saved = before.state(), restored = after.state();
  REQUIRE(restored.size() == 1);
  CHECK(restored[0].name == "w.momentum");
  restored[0].tensor.copy_from(saved[0].tensor);
  advance(second, after, 4);
  CHECK(second.value()[0] == whole.value()[0]);
  CHECK(second.value()[1] == whole.value()[1]);
}

TEST_CASE("SGD in float over a large parameter equals the element-wise formula and does not depend on threads") {
  const std::int64_t n = 100003;
  const int threads = num_threads();
  std::vector<float> results[2];
  for (int run = 0; run < 2; ++run) {
    set_num_threads(run + 1);
    Tensor<float> value(Shape{n}), gradient(Shape{n});
    for (std::int64_t i = 0; i < n; ++i) {
      value.mutable_data()[i] = static_cast<float>(i % 101) * 0.01F;
      gradient.mutable_data()[i] = static_cast<float>(i % 37) * 0.1F - 1.8F;
    }
    Var<float> w(value, true);
    Sgd<float> sgd({{"w", w}}, {.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 1e-2});
    for (int t = 0; t < 3; ++t) {
      w.zero_grad();
      w.add_grad(gradient.clone());
      sgd.step();
    }
    results[run].assign(w.value().values().begin(), w.value().values().end());
  }
  set_num_threads(threads);
  CHECK(results[0] == results[1]);
  double worst = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    TorchSgd torch{0.1, 0.9, 1e-2, false};
    double w = static_cast<double>(i % 101) * 0.01;
    for (int t = 0; t < 3; ++t) w = torch.step(w, static_cast<double>(i % 37) * 0.1 - 1.8);
    worst = std::max(worst, std::abs(w - static_cast<double>(results[0][static_cast<std::size_t>(i)])));
  }
  CHECK(worst < 1e-6);
}

TEST_CASE("impossible settings are refused with the value") {
  auto w = parameter({1.0});
  const Parameters one{{"w", w}};
  CHECK_THROWS_WITH_AS((Sgd<double>(one, {.learning_rate = -1})), doctest::Contains("-1"), Error);
  CHECK_THROWS_WITH_AS((Sgd<double>(one, {.momentum = 1.5})), doctest::Contains("1.5"), Error);
  CHECK_THROWS_AS((Sgd<double>(one, {.nesterov = true})), Error);
  CHECK_THROWS_WITH_AS((Sgd<double>({{"w", w}, {"w", w}}, {})), doctest::Contains("'w'"), Error);
}

}  // namespace
}  // namespace bitgrain
