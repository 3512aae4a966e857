#include "bitgrain/deploy/packed_writer.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "deploy/small_network.hpp"

namespace {
using namespace bitgrain;
using namespace bitgrain::deploy;

std::vector<std::uint8_t> written_body_of(const IntegerNetwork& net) {
  ByteWriter out;
  PackedWriter(out).write(net);
  return out.bytes;
}
}  // namespace

TEST_CASE("the bytes of a small network in float arithmetic are these: the format does not change by accident") {
  const std::vector<std::uint8_t> expected{
      1,                                                                  // float arithmetic
      11,   's', 'm',  'a',  'l',  'l', ' ',  'f',  'l',  'o', 'a', 't',  // name
      0,                                                                  // no class names
      3,                                                                  // values
      5,    'i', 'm',  'a',  'g',  'e', 2,    2,    1,    0,   8,         // image 2x2x1 u8 8 bits
      0,    0,   0,    0,    0,    0,   0xE0, 0x3F, 20,                   // step 0.5, zero point 10
      4,    'r', 'e',  'a',  'l',  2,   2,    2,    3,    32,             // 2x2x2 f32
      0,    0,   0,    0,    0,    0,   0xF0, 0x3F, 0,                    // step 1
      4,    'r', 'e',  'a',  'l',  2,   2,    2,    3,    32,             //
      0,    0,   0,    0,    0,    0,   0xF0, 0x3F, 0,                    //
      0,                                                                  // identity table
      2,                                                                  // ops
      0,    4,   'c',  'o',  'n',  'v', 0,    1,                          // convolution 'conv', 0 to 1
      1,    1,   1,    1,    0,    0,   1,    1,    1,                    // window, groups
      1,    2,   0,    2,                                                 // signed, 2 bits, layout, steps per channel
      0,    0,   0x80, 0x3E, 0,    0,   0,    0x3F,                       // 0.25, 0.5
      0x03,                                                               // codes 1, -2 as fields 3, 0
      2,    6,   'a',  'f',  'f',  'i', 'n',  'e',  2,                    // affine to 2
      0,    0,   0,    0,    0,    0,   0x80, 0x7F,                       // 0 .. infinity
      0,    0,   0,    0x80, 0x3F, 0,   0,    0,    0x3F,                 // shifts 1, 0.5
      1,    1,                                                            // one term: value 1
      0,    0,   0,    0,    0x40, 0,   0,    0x80, 0xBF};                // scales 2, -1
  CHECK(written_body_of(deploy_test::small_float_network()) == expected);
}

TEST_CASE("the weights of a layer stand in the file as packed fields") {
  const IntegerNetwork net = deploy_test::small_network();
  const auto bytes = written_body_of(net);
  for (const Op& op : net.ops)
    if (const auto* conv = std::get_if<ConvOp>(&op)) {
      std::vector<std::uint8_t> packed;
      pack_codes(conv->weights.codes, GridFields(conv->weights.grid, conv->weights.bits, conv->weights.codes),
                 packed);
      CHECK(static_cast<std::int64_t>(packed.size()) == conv->weights.payload_bytes());
      CHECK(std::search(bytes.begin(), bytes.end(), packed.begin(), packed.end()) != bytes.end());
    }
}
