#include "bitgrain/deploy/byte_writer.hpp"

#include <doctest/doctest.h>

#include <vector>

TEST_CASE("bytes are little-endian whatever the machine, and small numbers short") {
  bitgrain::deploy::ByteWriter out;
  out.u32(0x01020304);
  out.i64(-2);
  out.f32(1.0f);
  out.varint(300);
  out.count(5);
  out.signed_varint(-2);
  out.text("ab");
  CHECK(out.bytes == std::vector<std::uint8_t>{4, 3, 2,    1,    0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                               0, 0, 0x80, 0x3F, 0xAC, 0x02, 5,    3,    2,    'a',  'b'});
}
