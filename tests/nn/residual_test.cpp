#include "bitgrain/nn/residual.hpp"

#include <doctest/doctest.h>

#include "bitgrain/nn/linear.hpp"
#include "nn/check_module.hpp"

namespace bitgrain {
namespace {

TEST_CASE("main(x) + x without a shortcut, main(x) + shortcut(x) with one") {
  auto main = std::make_unique<Linear<float>>(1, 1, false);
  auto shortcut = std::make_unique<Linear<float>>(1, 1, false);
  main->weight().mutable_value().fill(2.0F);
  shortcut->weight().mutable_value().fill(10.0F);
  const Var<float> x(Tensor<float>(Shape{1, 1}, 3.0F));
  Residual<float> both(std::move(main), std::move(shortcut));
  CHECK(both(x).item() == 36.0F);
  CHECK(parameter_names(both) == std::vector<std::string>{"main.weight", "shortcut.weight"});

  auto alone = std::make_unique<Linear<float>>(1, 1, false);
  alone->weight().mutable_value().fill(2.0F);
  Residual<float> identity(std::move(alone));
  CHECK(identity(x).item() == 9.0F);
  CHECK(identity.shortcut() == nullptr);
}

TEST_CASE("the gradient of the input is the sum over both branches") {
  Residual<double> block(std::make_unique<Linear<double>>(3, 3));
  const auto report = check_module(block, normal_tensor<double>(Shape{2, 3}, "x"));
  CHECK_MESSAGE(report.ok, report.text());
}

TEST_CASE("a missing main branch is refused") { CHECK_THROWS_AS(Residual<float>(nullptr), Error); }

}  // namespace
}  // namespace bitgrain
