#include "bitgrain/deploy/integer_network.hpp"

#include <doctest/doctest.h>

#include "deploy/small_network.hpp"

namespace {
using namespace bitgrain;
using namespace bitgrain::deploy;
}  // namespace

TEST_CASE("the payload is the sum over layers of ceil(n b / 8)") {
  const IntegerNetwork net = deploy_test::small_network();
  CHECK(net.payload_bytes() == (36 * 3 + 7) / 8 + (72 * 3 + 7) / 8 + (12 * 3 + 7) / 8);
  CHECK(WeightCodes{Grid::kSigned, 1, std::vector<std::int8_t>(9, 1), {}}.payload_bytes() == 2);
  CHECK(IntegerNetwork{}.payload_bytes() == 0);
}

TEST_CASE("the last op makes the logits") {
  CHECK(deploy_test::small_network().output() == 11);
  CHECK(IntegerNetwork{}.output() == 0);
  CHECK(op_output(Op{FlattenOp{3, 7}}) == 7);
}

TEST_CASE("networks are equal when every field is") {
  const IntegerNetwork net = deploy_test::small_network();
  CHECK(net == deploy_test::small_network());
  IntegerNetwork other = net;
  std::get<RequantizeOp>(other.ops[4]).bias[2] += 1;
  CHECK_FALSE(net == other);
  other = net;
  other.values[3].name = "x";
  CHECK_FALSE(net == other);
}
