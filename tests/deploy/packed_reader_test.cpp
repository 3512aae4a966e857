#include "bitgrain/deploy/packed_reader.hpp"

#include <doctest/doctest.h>

#include "bitgrain/deploy/packed_writer.hpp"
#include "deploy/small_network.hpp"

namespace {
using namespace bitgrain;
using namespace bitgrain::deploy;

IntegerNetwork read(const std::vector<std::uint8_t>& bytes) {
  char text[300];
  Report report(text);
  ByteReader in(bytes, "test", report);
  PackedNetworkReader reader(in);
  if (reader.read_head() < 0 || !reader.read_body()) throw Error(text);
  CHECK(in.remaining() == 0);
  CHECK_FALSE(report.failed());
  return unpack_network(reader.take());
}

std::vector<std::uint8_t> body_of(const IntegerNetwork& net) {
  ByteWriter out;
  PackedWriter(out).write(net);
  return out.bytes;
}

// The beginning of a network up to the ops: `out_channels` sums from an image 1x1x`in_channels`.
ByteWriter beginning(std::int64_t in_channels, std::int64_t out_channels) {
  ByteWriter out;
  out.u8(0);
  out.text("");
  out.varint(0);
  out.varint(2);
  for (const std::int64_t channels : {in_channels, out_channels}) {
    out.text("v");
    out.count(1);
    out.count(1);
    out.count(channels);
    out.u8(static_cast<std::uint8_t>(channels == in_channels ? ValueType::kU8 : ValueType::kS32));
    out.u8(channels == in_channels ? 8 : 32);
    out.f64(1.0);
    out.signed_varint(0);
  }
  out.u8(0);
  out.varint(1);
  return out;
}
}  // namespace

TEST_CASE("every op of both arithmetics is read as it was written, geometry included") {
  CHECK(read(body_of(deploy_test::small_network())) == deploy_test::small_network());
  CHECK(read(body_of(deploy_test::small_float_network())) == deploy_test::small_float_network());
}

TEST_CASE("a few bytes cannot ask for much memory: weights, constants, channels, tables") {
  // A convolution 1x1 of 4096 x 1000000 channels without the weights.
  ByteWriter conv = beginning(4096, 1000000);
  conv.u8(0);
  conv.text("conv");
  conv.count(0);
  conv.count(1);
  for (const int extent : {1, 1, 1, 1, 0, 0, 1, 1}) conv.count(extent);
  conv.count(1);
  conv.u8(1);  // signed, 8 bits, layout 0, no steps
  conv.u8(8);
  conv.u8(0);
  conv.u8(0);
  CHECK_THROWS_WITH_AS(read(conv.bytes), doctest::Contains("do not fit the 0 bytes left"), Error);
  // Constants of a million channels, one after another, without the constants.
  ByteWriter requantize = beginning(1, 1000000);
  requantize.u8(1);
  requantize.text("rq");
  requantize.count(1);
  requantize.signed_varint(0);
  requantize.signed_varint(1);
  requantize.u8(0);
  CHECK_THROWS_WITH_AS(read(requantize.bytes), doctest::Contains("1000000 channels do not fit"), Error);
  CHECK_THROWS_WITH_AS(read(beginning(1, (1 << 20) + 1).bytes), doctest::Contains("at most 1048576"), Error);
  CHECK_THROWS_WITH_AS(read(beginning(1 << 19, (1 << 19) + 1).bytes), doctest::Contains("too large"), Error);
  CHECK_THROWS_WITH_AS(read(beginning(5000, 1).bytes), doctest::Contains("at most 4096 channels"), Error);
}

TEST_CASE("an op without a kind, a table without a form, a value made twice are refused") {
  ByteWriter op = beginning(1, 2);
  op.u8(7);
  CHECK_THROWS_WITH_AS(read(op.bytes), doctest::Contains("no op of this number"), Error);
  ByteWriter table = beginning(1, 2);
  table.bytes[table.bytes.size() - 2] = 4;  // "shared" of nothing
  CHECK_THROWS_WITH_AS(read(table.bytes), doctest::Contains("unknown way 4"), Error);
  ByteWriter twice = beginning(1, 2);
  twice.u8(6);
  twice.count(0);
  twice.count(0);
  CHECK_THROWS_WITH_AS(read(twice.bytes), doctest::Contains("made a second time"), Error);
}
