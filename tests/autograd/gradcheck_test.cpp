#include "bitgrain/autograd/gradcheck.hpp"

#include <doctest/doctest.h>

#include "autograd/plain_ops.hpp"

using namespace bitgrain;

namespace {
// x^3 whose backward is wrong by `error` at element 1.
Var<double> cube(const Var<double>& x, double error) {
  Tensor<double> y(x.shape());
  for (std::int64_t i = 0; i < y.numel(); ++i) y.mutable_data()[i] = std::pow(x.value()[i], 3);
  return make_result<double>("cube", y, {x}, [x, error](const Tensor<double>& dy) {
    Tensor<double> dx(x.shape());
    for (std::int64_t i = 0; i < dx.numel(); ++i)
      dx.mutable_data()[i] = dy[i] * (3 * x.value()[i] * x.value()[i] + (i == 1 ? error : 0));
    x.add_grad(dx);
  });
}
Var<double> point() { return Var<double>(Tensor<double>({3}, {0.5, -1.25, 2.0}), true); }
}  // namespace

TEST_CASE("a right gradient passes") {
  const auto report = gradcheck([](const auto& in) { return cube(in[0], 0); }, {point()});
  CHECK_MESSAGE(report.ok, report.text());
  REQUIRE(report.inputs.size() == 1);
  CHECK(report.inputs[0].error < 1e-8);
}

TEST_CASE("a gradient wrong in one element is caught, and the report names input, element and both values") {
  const auto f = [](const std::vector<Var<double>>& in) { return cube(plain::mul(in[0], in[1]), 0.5); };
  const auto report = gradcheck(f, {point(), point()});
  CHECK_FALSE(report.ok);
  REQUIRE(report.inputs.size() == 2);
  CHECK(report.inputs[0].worst_element == 1);
  const std::string text = report.text();
  CHECK(text.find("FAIL input 0 [3]: worst element 1, analytic ") != std::string::npos);
  CHECK(text.find("FAIL input 1 [3]") != std::string::npos);
  CHECK(text.find(", numeric ") != std::string::npos);
  CHECK(text.find("(allowed 1e-06)") != std::string::npos);
}

TEST_CASE("a gradient that never arrives counts as zero and is caught") {
  const auto forgetful = [](const std::vector<Var<double>>& in) {
    return make_result<double>("forgetful", in[0].value().clone(), {in[0]}, [](const Tensor<double>&) {});
  };
  const auto report = gradcheck(forgetful, {point()});
  CHECK_FALSE(report.ok);
  CHECK(report.inputs[0].analytic == 0);
  CHECK(report.inputs[0].error > 0.1);
}

TEST_CASE("NaN fails") {
  const auto nan = [](const std::vector<Var<double>>& in) {
    const Var<double> x = in[0];
    return make_result<double>("nan", x.value().clone(), {x},
                               [x](const Tensor<double>&) { x.add_grad(Tensor<double>(x.shape(), std::nan(""))); });
  };
  CHECK_FALSE(gradcheck(nan, {point()}).ok);
}

TEST_CASE("only inputs that require a gradient are checked, and the values come back unchanged") {
  Var<double> fixed(Tensor<double>({3}, {1.0, 2.0, 3.0}));
  Var<double> x = point();
  const auto report = gradcheck([](const auto& in) { return plain::mul(in[0], in[1]); }, {fixed, x});
  CHECK(report.ok);
  REQUIRE(report.inputs.size() == 1);
  CHECK(report.inputs[0].index == 1);
  CHECK(x.value()[1] == -1.25);
}

TEST_CASE("the tolerance is the option's") {
  const auto f = [](const std::vector<Var<double>>& in) { return cube(in[0], 1e-4); };
  CHECK_FALSE(gradcheck(f, {point()}).ok);
  GradcheckOptions loose;
  loose.tolerance = 1e-2;
  CHECK(gradcheck(f, {point()}, loose).ok);
}
