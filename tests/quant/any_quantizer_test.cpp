#include "bitgrain/quant/any_quantizer.hpp"

#include <doctest/doctest.h>

#include "bitgrain/quant/lsq.hpp"

using namespace bitgrain;

TEST_CASE("an AnyQuantizer without a choice is full precision, and gives what the quantizer inside gives") {
  const QuantizerSpec spec{QuantRole::kActivations, 4, 1, Grid::kUnsigned, false, "act"};
  AnyQuantizer<float> nothing(spec);
  CHECK(nothing.bits() == 32);
  const Var<float> x(Tensor<float>({3}, {-1.0f, 0.4f, 2.0f}));
  CHECK(nothing(x).value()[0] == 0.0f);
  Lsq<float> direct(spec);
  AnyQuantizer<float> erased{Lsq<float>(spec)};
  const Var<float> a = direct(x), b = erased(x);
  for (int i = 0; i < 3; ++i) CHECK(a.value()[i] == b.value()[i]);
  CHECK(erased.parameters().size() == 1);
  erased.set_bits(2);
  CHECK(erased.bits() == 2);
}
