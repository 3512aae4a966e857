#include "bitgrain/autograd/ste.hpp"

#include <doctest/doctest.h>

#include "autograd/plain_ops.hpp"
#include "bitgrain/autograd/gradcheck.hpp"

using namespace bitgrain;

TEST_CASE("activations round half up: ties go towards plus infinity, below zero too") {
  CHECK(round_half_up(0.5f) == 1);
  CHECK(round_half_up(1.5f) == 2);
  CHECK(round_half_up(2.5f) == 3);
  CHECK(round_half_up(-0.5f) == 0);
  CHECK(round_half_up(-1.5f) == -1);
  CHECK(round_half_up(0.49) == 0);
  CHECK(round_half_up(-0.51) == -1);
}

TEST_CASE("weights round half to even") {
  CHECK(round_half_even(0.5f) == 0);
  CHECK(round_half_even(1.5f) == 2);
  CHECK(round_half_even(2.5f) == 2);
  CHECK(round_half_even(-0.5f) == 0);
  CHECK(round_half_even(-1.5) == -2);
  CHECK(round_half_even(0.51) == 1);
}

TEST_CASE("without a gradcheck ste_round is the rounding itself") {
  CHECK_FALSE(rounding_is_frozen());
  CHECK(ste_round(0.7, 1.0) == 1.0);
  CHECK(ste_round(0.7f, 1.0f) == 1.0f);
}

TEST_CASE("a frozen rounding is v + r with the residual of the base point") {
  FrozenRounding frozen;
  CHECK(rounding_is_frozen());
  // The recording pass rounds as usual.
  CHECK(ste_round(0.7, 1.0) == 1.0);
  CHECK(ste_round(2.2, 2.0) == 2.0);
  frozen.rewind();
  // A replay moves with v: residuals +0.3 and -0.2, in call order, whatever the rounding would say.
  CHECK(ste_round(0.9, 1.0) == doctest::Approx(1.2));
  CHECK(ste_round(3.0, 3.0) == doctest::Approx(2.8));
  CHECK_THROWS_AS(ste_round(1.0, 1.0), Error);
  frozen.rewind();
  CHECK(ste_round(0.0, 0.0) == doctest::Approx(0.3));
}

TEST_CASE("frozen roundings nest and end with their scope") {
  {
    FrozenRounding outer;
    ste_round(0.7, 1.0);
    {
      FrozenRounding inner;
      CHECK(ste_round(0.7, 1.0) == 1.0);
    }
    outer.rewind();
    CHECK(ste_round(1.7, 2.0) == doctest::Approx(2.0));
  }
  CHECK_FALSE(rounding_is_frozen());
}

namespace {
// s * round(clip(x / s, 0, 3)) with the gradients of LSQ: dx = 1 inside, ds = round(v) - v inside and the clipped
// level outside.
Var<double> quantize(const Var<double>& x, const Var<double>& s, double error_in_ds = 0) {
  const double step = s.item();
  Tensor<double> y(x.shape());
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const double v = std::min(std::max(x.value()[i] / step, 0.0), 3.0);
    y.mutable_data()[i] = step * ste_round(v, round_half_up(v));
  }
  return make_result<double>("quantize", y, {x, s}, [x, s, step, error_in_ds](const Tensor<double>& dy) {
    Tensor<double> dx(x.shape(), 0.0), ds({}, 0.0);
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      const double v = x.value()[i] / step;
      const bool inside = v > 0 && v < 3;
      if (inside) dx.mutable_data()[i] = dy[i];
      const double level = v <= 0 ? 0 : v >= 3 ? 3 : round_half_up(v) - v;
      ds.mutable_data()[0] += dy[i] * (level + error_in_ds);
    }
    x.add_grad(dx);
    s.add_grad(ds);
  });
}
}  // namespace

TEST_CASE("gradcheck differentiates a straight-through quantizer exactly: live clips, frozen residuals") {
  const Var<double> x(Tensor<double>({6}, {-1.0, 0.1, 0.37, 0.62, 1.49, 4.0}), true);
  const Var<double> s(Tensor<double>({}, {0.4}), true);
  const auto right = gradcheck([](const auto& in) { return quantize(in[0], in[1]); }, {x, s});
  CHECK_MESSAGE(right.ok, right.text());
  const auto wrong = gradcheck([](const auto& in) { return quantize(in[0], in[1], 1e-3); }, {x, s});
  CHECK_FALSE(wrong.ok);
}
