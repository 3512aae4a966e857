#include "bitgrain/quant/fake_quantize.hpp"

#include <doctest/doctest.h>

#include "bitgrain/autograd/gradcheck.hpp"

using namespace bitgrain;

namespace {
Var<double> random_var(const Shape& shape, double scale, std::uint64_t seed) {
  Tensor<double> t(shape);
  RandomStream random(seed, "fake_quantize");
  for (double& v : t.mutable_values()) v = scale * random.normal();
  return Var<double>(t, true);
}
}  // namespace

TEST_CASE("gradcheck of fake_quantize with respect to values and steps, per tensor and per channel, every rounding") {
  using kernels::Rounding;
  struct Case {
    CodeRange range;
    Rounding rounding;
    std::int64_t steps;
  };
  for (const Case& c : {Case{{0, 15}, Rounding::kHalfUp, 1}, Case{{0, 1}, Rounding::kHalfUp, 1},
                        Case{{-8, 7}, Rounding::kHalfEven, 1}, Case{{-2, 1}, Rounding::kHalfEven, 4},
                        Case{{-1, 1}, Rounding::kSign, 4}}) {
    const Var<double> x = random_var({4, 3, 2}, 1.0, 1);
    Tensor<double> steps(Shape{c.steps}, 0.3);
    for (std::int64_t i = 0; i < c.steps; ++i) steps.mutable_data()[i] += 0.07 * static_cast<double>(i);
    FakeQuantizeOptions o;
    o.rule = {c.range.low, c.range.high, c.rounding};
    const auto report = gradcheck([o](const std::vector<Var<double>>& in) { return fake_quantize(in[0], in[1], o); },
                                  {x, Var<double>(steps, true)});
    CHECK_MESSAGE(report.ok, report.text());
  }
}

TEST_CASE("a hand-computed case: codes, values and both gradients") {
  // s = 0.5, codes 0..3: x/s = -1, 0.4, 1.4, 2.6, 4
  const Var<float> x(Tensor<float>({5}, {-0.5f, 0.2f, 0.7f, 1.3f, 2.0f}), true);
  const Var<float> s(Tensor<float>({1}, {0.5f}), true);
  FakeQuantizeOptions o;
  o.rule = {0, 3, kernels::Rounding::kHalfUp};
  o.bits = 2;
  const Var<float> y = fake_quantize(x, s, o);
  CHECK(std::vector<float>(y.value().values().begin(), y.value().values().end()) ==
        std::vector<float>{0, 0, 0.5f, 1.5f, 1.5f});
  const QTensor q = y.codes();
  CHECK(std::vector<int>(q.codes.values().begin(), q.codes.values().end()) == std::vector<int>{0, 0, 1, 3, 3});
  y.backward(Tensor<float>({5}, 1.0f));
  CHECK(std::vector<float>(x.grad().values().begin(), x.grad().values().end()) == std::vector<float>{0, 1, 1, 1, 0});
  // 0 - 0.4 + (1 - 1.4) + (3 - 2.6) + 3
  CHECK(s.grad().item() == doctest::Approx(2.6));
}

TEST_CASE("the gradient scale multiplies the step's gradient alone") {
  FakeQuantizeOptions plain, scaled;
  plain.rule = scaled.rule = {0, 3, kernels::Rounding::kHalfUp};
  scaled.step_gradient_scale = 0.25;
  double ds[2];
  int k = 0;
  for (const auto& o : {plain, scaled}) {
    const Var<double> x = random_var({50}, 1.0, 3);
    const Var<double> s(Tensor<double>({1}, {0.4}), true);
    fake_quantize(x, s, o).backward(Tensor<double>({50}, 1.0));
    ds[k++] = s.grad().item();
  }
  CHECK(ds[1] == doctest::Approx(0.25 * ds[0]));
}

TEST_CASE("a step outside its bounds acts as the bound and only gradients that lead back pass") {
  FakeQuantizeOptions o;
  o.rule = {0, 3, kernels::Rounding::kHalfUp};
  o.max_step = 1.0;
  for (const float direction : {1.0f, -1.0f}) {
    const Var<float> x(Tensor<float>({1}, {9.0f}), true);  // clipped: dy/ds = 3
    const Var<float> s(Tensor<float>({1}, {2.0f}), true);
    const Var<float> y = fake_quantize(x, s, o);
    CHECK(y.item() == 3.0f);
    y.backward(Tensor<float>({1}, {direction}));
    CHECK(s.grad().item() == (direction > 0 ? 3.0f : 0.0f));
  }
}

TEST_CASE("steps that are not positive or of the wrong number are refused") {
  const Var<float> x(Tensor<float>({2, 2}, 1.0f));
  FakeQuantizeOptions o;
  CHECK_THROWS_WITH_AS(fake_quantize(x, Var<float>(Tensor<float>({1}, {-1.0f})), o),
                       doctest::Contains("step size must be positive"), Error);
  CHECK_THROWS_WITH_AS(fake_quantize(x, Var<float>(Tensor<float>({3}, 1.0f)), o), doctest::Contains("3 steps"),
                       Error);
}
