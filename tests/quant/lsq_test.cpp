#include "bitgrain/quant/lsq.hpp"

#include <doctest/doctest.h>

#include "bitgrain/autograd/gradcheck.hpp"

using namespace bitgrain;

namespace {
template <class T>
Var<T> random_var(const Shape& shape, std::uint64_t seed, bool grad = true) {
  Tensor<T> t(shape);
  RandomStream random(seed, "lsq");
  for (T& v : t.mutable_values()) v = static_cast<T>(random.normal());
  return Var<T>(t, grad);
}
QuantizerSpec weights(int bits, std::int64_t channels = 1) {
  return {QuantRole::kWeights, bits, channels, Grid::kSigned, false, "w"};
}
QuantizerSpec activations(int bits) { return {QuantRole::kActivations, bits, 1, Grid::kUnsigned, false, "a"}; }
}  // namespace

static_assert(Quantizer<Lsq<float>> && Quantizer<Lsq<double>>);

TEST_CASE("gradcheck of LSQ at 1 to 8 bits: weights per tensor and per channel, activations") {
  LsqOptions o;
  o.gradient_scale = LsqGradientScale::kNone;  // the scale is no derivative; it is checked below
  for (int bits = 1; bits <= 8; ++bits) {
    for (const QuantizerSpec& spec : {weights(bits), weights(bits, 3), activations(bits)}) {
      const Var<double> x = random_var<double>({3, 2, 2, 2}, static_cast<std::uint64_t>(bits));
      Lsq<double> lsq(spec, o);
      lsq.initialise(x.value());
      const auto report =
          gradcheck([&lsq](const std::vector<Var<double>>& in) { return lsq(in[0]); }, {x, lsq.step()});
      CHECK_MESSAGE(report.ok, report.text());
    }
  }
}

TEST_CASE("the first tensor initialises the step to 2 E|v| / sqrt(Qp)") {
  const Var<float> x(Tensor<float>({4}, {-3.0f, 1.0f, 2.0f, -2.0f}));
  Lsq<float> w(weights(3));
  w(x);
  CHECK(w.step().item() == doctest::Approx(2 * 2.0 / std::sqrt(3.0)));
  Lsq<float> a(activations(2));
  a(x);  // rectified: 0, 1, 2, 0
  CHECK(a.step().item() == doctest::Approx(2 * 0.75 / std::sqrt(3.0)));
  LsqOptions o;
  o.weight_init = LsqInit::kThreeSigma;
  Lsq<float> s(weights(3), o);
  s(x);  // mean -0.5, deviation sqrt(18/4 - 0.25)
  CHECK(s.step().item() == doctest::Approx((0.5 + 3 * std::sqrt(4.25)) / 4));
}

TEST_CASE("the gradient scale is 1/sqrt(N Qp): N per image or with the batch, per channel for weights") {
  const auto step_gradient = [](const QuantizerSpec& spec, LsqGradientScale scale) {
    LsqOptions o;
    o.gradient_scale = scale;
    Lsq<double> lsq(spec, o);
    const Var<double> x = random_var<double>({4, 3, 3, 2}, 5);
    lsq(x).backward(Tensor<double>(x.shape(), 1.0));
    return lsq.step().grad()[0];
  };
  const double raw_a = step_gradient(activations(4), LsqGradientScale::kNone);
  CHECK(step_gradient(activations(4), LsqGradientScale::kPerImage) == doctest::Approx(raw_a / std::sqrt(18.0 * 15)));
  CHECK(step_gradient(activations(4), LsqGradientScale::kPerBatch) == doctest::Approx(raw_a / std::sqrt(72.0 * 15)));
  const double raw_w = step_gradient(weights(4, 4), LsqGradientScale::kNone);
  CHECK(step_gradient(weights(4, 4), LsqGradientScale::kPerImage) == doctest::Approx(raw_w / std::sqrt(18.0 * 7)));
}

TEST_CASE("codes stay on their grid at every width, one-bit weights are +-step and never zero") {
  for (int bits = 1; bits <= 8; ++bits) {
    const Var<float> x = random_var<float>({64, 9}, 7);
    const QTensor w = Lsq<float>(weights(bits))(x).codes();
    const CodeRange range = code_range(Grid::kSigned, bits);
    for (const std::int32_t c : w.codes.values()) {
      CHECK(c >= range.low);
      CHECK(c <= range.high);
      if (bits == 1) CHECK(c != 0);
    }
    const QTensor a = Lsq<float>(activations(bits))(x).codes();
    for (const std::int32_t c : a.codes.values()) CHECK((c >= 0 && c < (1 << bits)));
  }
}

TEST_CASE("changing the bits re-initialises the step, setting the same bits does not") {
  Lsq<float> lsq(weights(4));
  const Var<float> x = random_var<float>({32}, 9);
  lsq(x);
  const float before = lsq.step().item();
  lsq.set_bits(4);
  CHECK(lsq.step().item() == before);
  lsq.set_bits(2);
  CHECK_FALSE(lsq.initialised());
  lsq(x);
  CHECK(lsq.step().item() > before);
  CHECK_THROWS_WITH_AS(lsq.set_bits(9), doctest::Contains("1 to 8"), Error);
}

TEST_CASE("an all-zero tensor gets a usable step") {
  Lsq<float> lsq(weights(4));
  const Var<float> y = lsq(Var<float>(Tensor<float>({8}, 0.0f)));
  for (const float v : y.value().values()) CHECK(v == 0.0f);
}
