#include "bitgrain/quant/uniform_ste.hpp"

#include <doctest/doctest.h>

#include "bitgrain/autograd/gradcheck.hpp"

using namespace bitgrain;

static_assert(Quantizer<UniformSte<float>> && Quantizer<UniformSte<double>>);

namespace {
QuantizerSpec ste_weights(int bits, std::int64_t channels = 1) {
  return {QuantRole::kWeights, bits, channels, Grid::kSigned, false, "w"};
}
QuantizerSpec ste_activations(int bits) { return {QuantRole::kActivations, bits, 1, Grid::kUnsigned, false, "a"}; }
}  // namespace

TEST_CASE("min-max weights follow the largest magnitude, per tensor and per channel, on a symmetric grid") {
  const Var<float> x(Tensor<float>({2, 2}, {0.11f, -0.77f, 1.4f, 0.2f}));
  UniformSte<float> one(ste_weights(4));
  const QTensor q = one(x).codes();
  CHECK(q.info.step[0] == doctest::Approx(0.2));
  CHECK(std::vector<int>(q.codes.values().begin(), q.codes.values().end()) == std::vector<int>{1, -4, 7, 1});
  UniformSte<float> two(ste_weights(4, 2));
  const QTensor p = two(x).codes();
  CHECK(p.info.step[0] == doctest::Approx(0.11));
  CHECK(p.info.step[1] == doctest::Approx(0.2));
  CHECK(std::vector<int>(p.codes.values().begin(), p.codes.values().end()) == std::vector<int>{1, -7, 7, 1});
}

TEST_CASE("activations keep a running step while training and a fixed one afterwards") {
  UniformSte<float> a(ste_activations(4));
  a(Var<float>(Tensor<float>({2}, {-5.0f, 15.0f})));
  CHECK(a.step().item() == doctest::Approx(1.0));
  a(Var<float>(Tensor<float>({2}, {0.0f, 30.0f})));
  CHECK(a.step().item() == doctest::Approx(0.9 * 1.0 + 0.1 * 2.0));
  a.set_training(false);
  a(Var<float>(Tensor<float>({2}, {0.0f, 300.0f})));
  CHECK(a.step().item() == doctest::Approx(1.1));
}

TEST_CASE("one-bit weights take the mean magnitude, the least-squares scale of a sign") {
  UniformSte<float> w(ste_weights(1));
  const QTensor q = w(Var<float>(Tensor<float>({4}, {-1.0f, 3.0f, 0.0f, -2.0f}))).codes();
  CHECK(q.info.step[0] == doctest::Approx(1.5));
  CHECK(std::vector<int>(q.codes.values().begin(), q.codes.values().end()) == std::vector<int>{-1, 1, 1, -1});
}

TEST_CASE("gradients are straight-through inside the range: gradcheck with a fixed range") {
  for (const RangeRule rule : {RangeRule::kMinMax, RangeRule::kPercentile, RangeRule::kMse}) {
    UniformSteOptions o;
    o.range = rule;
    o.percentile = 0.8;
    UniformSte<double> a(ste_activations(3), o);
    Tensor<double> t({40});
    RandomStream random(4, "ste");
    for (double& v : t.mutable_values()) v = random.normal();
    const Var<double> x(t, true);
    Tensor<double> narrower = t.clone();
    for (double& v : narrower.mutable_values()) v *= 0.77;
    a(Var<double>(narrower));  // finds a range whose ends are not values of x
    a.set_training(false);
    const auto report = gradcheck([&a](const std::vector<Var<double>>& in) { return a(in[0]); }, {x});
    CHECK_MESSAGE(report.ok, report.text());
  }
}

TEST_CASE("percentile and least-squares ranges clip an outlier that min-max keeps") {
  Tensor<float> t({5000});
  RandomStream random(2, "outlier");
  for (float& v : t.mutable_values()) v = static_cast<float>(std::abs(random.normal()));
  t.mutable_data()[0] = 12.0f;
  double steps[3];
  int k = 0;
  for (const RangeRule rule : {RangeRule::kMinMax, RangeRule::kPercentile, RangeRule::kMse}) {
    UniformSteOptions o;
    o.range = rule;
    o.percentile = 0.99;
    UniformSte<float> a(ste_activations(4), o);
    a(Var<float>(t));
    steps[k++] = static_cast<double>(a.step().item());
  }
  CHECK(steps[0] == doctest::Approx(12.0 / 15));
  CHECK(steps[1] < 0.3);
  CHECK(steps[2] < steps[0]);
}
