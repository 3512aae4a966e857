#include "bitgrain/quant/lsq_bank.hpp"

#include <doctest/doctest.h>

#include "bitgrain/base/random.hpp"

using namespace bitgrain;

static_assert(requires(LsqBank<float> b, const Var<float>& x) { b(x); });

TEST_CASE("a bank keeps one learned step per candidate and trains only the active one") {
  LsqBank<float> bank({QuantRole::kWeights, 4, 1, Grid::kSigned, false, "conv"}, {2, 4, 8}, {});
  Tensor<float> values({100});
  RandomStream random(1, "bank");
  for (float& v : values.mutable_values()) v = static_cast<float>(random.normal());
  const Var<float> x(values, true);
  bank.set_bits(4);
  const Var<float> y = bank(x);
  CHECK(y.quant()->bits == 4);
  y.backward(Tensor<float>({100}, 1.0f));
  const auto parameters = bank.parameters();
  REQUIRE(parameters.size() == 3);
  CHECK_FALSE(parameters[0].var.grad().defined());
  CHECK(parameters[1].var.grad().defined());
  CHECK_FALSE(parameters[2].var.grad().defined());
  // fewer bits start from a larger step
  CHECK(bank.indicator(2) > bank.indicator(4));
  CHECK(bank.indicator(4) > bank.indicator(8));
  bank.set_bits(2);
  CHECK(bank.indicator(4) == doctest::Approx(parameters[1].var.item()));
  CHECK_THROWS_WITH_AS(bank.set_bits(3), doctest::Contains("not among the candidates"), Error);
  CHECK_THROWS_WITH_AS(bank.indicator(3), doctest::Contains("no indicator at 3 bits"), Error);
}

TEST_CASE("a bank takes its first steps from moments as from the tensor, and keeps those it has") {
  const QuantizerSpec spec{QuantRole::kActivations, 4, 1, Grid::kUnsigned, false, "act"};
  LsqBank<float> a(spec, {2, 4}, {}), b(spec, {2, 4}, {});
  const Var<float> x(Tensor<float>({4}, {-3.0F, 1.0F, 2.0F, 0.5F}));
  CHECK(a.wants_moments());
  a.initialise(value_moments(4, x.value().data(), true));
  b(x);
  CHECK_FALSE(a.wants_moments());
  for (const int bits : {2, 4}) CHECK(a.indicator(bits) == b.indicator(bits));
  a.initialise(ValueMoments{1, 1, 100, 100});
  CHECK(a.indicator(2) == b.indicator(2));
}
