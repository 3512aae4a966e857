#include "bitgrain/run/network_table.hpp"

#include <doctest/doctest.h>

using namespace bitgrain;

namespace {
// input -> conv 3x3 (3 bits) -> 4-bit codes -> linear (5 bits, odd count) -> logits
deploy::IntegerNetwork sample_network() {
  deploy::IntegerNetwork net;
  const auto value = [&net](std::int64_t size, std::int64_t channels, deploy::ValueType type, int bits) {
    deploy::Value v;
    v.height = v.width = size;
    v.channels = channels;
    v.type = type;
    v.bits = bits;
    net.values.push_back(v);
  };
  using enum deploy::ValueType;
  value(4, 2, kU8, 8);
  value(4, 6, kS32, 32);
  value(4, 6, kU8, 4);
  value(1, 96, kU8, 4);
  value(1, 3, kS32, 32);
  value(1, 3, kS32, 32);
  deploy::ConvOp conv;
  conv.layer = "conv";
  conv.input = 0;
  conv.output = 1;
  conv.geometry = {1, 4, 4, 2, 6, Window2d::square(3, 1, 1), 2};
  conv.weights.bits = 3;
  conv.weights.codes.resize(6 * 9 * 1);
  net.ops.push_back(conv);
  deploy::RequantizeOp requantize;
  requantize.output = 2;
  requantize.terms = {{1, {}}};
  net.ops.push_back(requantize);
  net.ops.push_back(deploy::FlattenOp{2, 3});
  deploy::ConvOp head;
  head.layer = "head";
  head.input = 3;
  head.output = 4;
  head.geometry = {1, 1, 1, 96, 3, Window2d{}, 1};
  head.weights.bits = 5;
  head.weights.codes.resize(96 * 3);
  net.ops.push_back(head);
  deploy::RequantizeOp logits;
  logits.output = 5;
  logits.terms = {{4, {}}};
  net.ops.push_back(logits);
  return net;
}
}  // namespace

TEST_CASE("layers are listed with their bits, bytes and costs, and the totals are their sums") {
  const NetworkSummary s = summarize_network(sample_network());
  REQUIRE(s.layers.size() == 2);
  CHECK(s.layers[0].shape == "6x3x3x1");
  CHECK(s.layers[0].weights == 54);
  CHECK(s.layers[0].payload_bytes == 21);  // ceil(54 * 3 / 8)
  CHECK(s.layers[0].macs == 16 * 6 * 9);
  CHECK(s.layers[0].bitops == 16 * 6 * 9 * 3 * 8);
  CHECK(s.layers[0].input_bits == 8);
  CHECK(s.layers[0].output_bits == 4);
  CHECK(s.layers[1].shape == "96x3");
  CHECK(s.layers[1].input_bits == 4);
  CHECK(s.layers[1].output_bits == 32);
  CHECK(s.totals.weights == 54 + 288);
  CHECK(s.totals.payload_bytes == 21 + 180);
  CHECK(s.totals.payload_bytes == sample_network().payload_bytes());
  CHECK(s.totals.macs == 864 + 288);
  CHECK(s.totals.channels == 9);
  CHECK(s.totals.distinct_weight_bits == 2);
  CHECK(s.totals.average_weight_bits() == doctest::Approx((54 * 3 + 288 * 5) / 342.0));
}

TEST_CASE("the table names every layer, the logits and the totals") {
  CHECK(to_text(summarize_network(sample_network())) ==
        "layer  weights  weight bits  input bits  output bits  bytes   MACs\n"
        "------------------------------------------------------------------\n"
        "conv   6x3x3x1            3           8            4     21    864\n"
        "head   96x3               5           4       logits    180    288\n"
        "------------------------------------------------------------------\n"
        "total  342             4.68                             201  1,152\n");
  CHECK(bits_text(32) == "float");
}
