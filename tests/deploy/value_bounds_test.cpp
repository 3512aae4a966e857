#include "bitgrain/deploy/value_bounds.hpp"

#include <doctest/doctest.h>

#include "deploy/small_network.hpp"

namespace {
using namespace bitgrain;
using namespace bitgrain::deploy;

Value of(ValueType type, int bits) {
  Value v;
  v.type = type;
  v.bits = bits;
  return v;
}
}  // namespace

TEST_CASE("codes range as their type and bits say") {
  CHECK(code_range(of(ValueType::kU8, 8)).high == 255);
  CHECK(code_range(of(ValueType::kU8, 1)).high == 1);
  CHECK(code_range(of(ValueType::kS8, 4)).low == -8);
  CHECK(code_range(of(ValueType::kS8, 4)).high == 7);
  CHECK(code_bound(of(ValueType::kU8, 4)) == 15);
  CHECK(code_bound(of(ValueType::kS8, 8)) == 128);
  CHECK(code_bound(of(ValueType::kS32, 32)) == std::int64_t{1} << 31);
}

TEST_CASE("the accumulator bound is the largest channel's sum of |w| times the largest |x|") {
  ConvOp op;
  op.geometry = {1, 1, 1, 3, 2, Window2d{}, 1};
  op.weights.codes = {-128, 5, 0, 127, 1, -2};
  CHECK(accumulator_bound(op, of(ValueType::kU8, 8)) == 133 * 255);
  CHECK(accumulator_bound(op, of(ValueType::kS8, 8)) == 133 * 128);
  op.geometry.groups = 1;
  op.geometry.out_channels = 3;
  op.geometry.in_channels = 2;
  CHECK(accumulator_bound(op, of(ValueType::kU8, 1)) == 133);
}

TEST_CASE("the bound of a pooling sum counts the window") {
  const SumPoolOp op{0, 1, {1, 8, 8, 4, {7, 8}}};
  CHECK(sum_bound(op, of(ValueType::kU8, 8)) == 56 * 255);
}
