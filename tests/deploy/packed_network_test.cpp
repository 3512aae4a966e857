#include "bitgrain/deploy/packed_network.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "bitgrain/deploy/packed_writer.hpp"
#include "deploy/random_network.hpp"
#include "deploy/small_network.hpp"

namespace {
using namespace bitgrain;
using namespace bitgrain::deploy;

PackedNetwork read_body(const std::vector<std::uint8_t>& body) {
  char text[300];
  Report report(text);
  ByteReader in(body, "test", report);
  PackedNetworkReader reader(in);
  REQUIRE(reader.read_head() > 0);
  REQUIRE_MESSAGE(reader.read_body(), text);
  CHECK(in.remaining() == 0);
  return reader.take();
}

std::vector<std::uint8_t> packed_body(const IntegerNetwork& net) {
  ByteWriter out;
  PackedWriter(out).write(net);
  return out.bytes;
}
}  // namespace

TEST_CASE("nothing is copied: names, constants and weights are read where they lie, at any alignment") {
  const IntegerNetwork net = deploy_test::small_network();
  auto body = packed_body(net);
  for (int shift = 0; shift < 3; ++shift, body.insert(body.begin(), 0)) {
    const std::vector<std::uint8_t> bytes(body.begin() + shift, body.end());
    const PackedNetwork packed = read_body(bytes);
    const auto inside = [&](const void* at) { return at >= bytes.data() && at < bytes.data() + bytes.size(); };
    CHECK(packed.values.size() == net.values.size());
    CHECK(packed.output() == net.output());
    CHECK(packed.values[1].name == net.values[1].name);
    CHECK(inside(packed.values[1].name.data()));
    for (std::size_t i = 0; i < net.ops.size(); ++i) {
      CHECK(packed.ops[i].index() == net.ops[i].index());
      CHECK(op_output(packed.ops[i]) == op_output(net.ops[i]));
      if (const auto* conv = std::get_if<PackedConvOp>(&packed.ops[i])) {
        CHECK(inside(conv->weights.codes.bytes));
        CHECK(conv->geometry == std::get<ConvOp>(net.ops[i]).geometry);
      }
      if (const auto* op = std::get_if<PackedRequantizeOp>(&packed.ops[i])) {
        const auto& expected = std::get<RequantizeOp>(net.ops[i]);
        REQUIRE(op->terms.size() == expected.terms.size());
        for (std::size_t t = 0; t < expected.terms.size(); ++t) {
          CHECK(op->terms[t].value == expected.terms[t].value);
          for (std::size_t c = 0; c < expected.bias.size(); ++c)
            CHECK(op->terms[t].multiplier[c] == expected.terms[t].multiplier[c]);
        }
      }
    }
  }
}

TEST_CASE("accumulators are bounded as those of the network that was packed, and the same networks are valid") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const IntegerNetwork net = deploy_test::random_network(seed);
    const auto bytes = packed_body(net);
    const PackedNetwork packed = read_body(bytes);
    Report report({});
    CHECK(check_network(packed, report));
    for (std::size_t i = 0; i < net.ops.size(); ++i)
      if (const auto* conv = std::get_if<PackedConvOp>(&packed.ops[i]))
        CHECK(accumulator_bound(*conv, packed.values[static_cast<std::size_t>(conv->input)]) ==
              accumulator_bound(std::get<ConvOp>(net.ops[i]), net.values[static_cast<std::size_t>(conv->input)]));
  }
}

TEST_CASE("the arrays take no more memory than was said before they are made") {
  const auto bytes = packed_body(deploy_test::small_network());
  Report report({});
  ByteReader in(bytes, "test", report);
  PackedNetworkReader reader(in);
  const std::int64_t values = reader.read_head();
  const std::uint64_t most = PackedNetworkReader::memory_bytes(values) + 64;  // a byte per value while it reads
  std::vector<unsigned char> memory(static_cast<std::size_t>(most) + 63);
  Arena arena(memory.data(), memory.size());
  const ArenaScope scope(arena);
  CHECK(reader.read_body());
  CHECK(arena.peak() <= most);
}
