#include "bitgrain/deploy/bit_packing.hpp"

#include <doctest/doctest.h>

#include "bitgrain/base/random.hpp"

namespace {
using bitgrain::Error;
using bitgrain::Grid;
using namespace bitgrain::deploy;

std::vector<std::uint8_t> pack(Grid grid, int bits, const std::vector<std::int8_t>& codes) {
  std::vector<std::uint8_t> bytes;
  pack_codes(codes, GridFields(grid, bits, codes), bytes);
  return bytes;
}

std::vector<std::int8_t> unpack(std::span<const std::uint8_t> bytes, const GridFields& fields, std::size_t count,
                                const char* objection) {
  std::vector<std::int8_t> codes;
  char text[100];
  bitgrain::Report report(text);
  const bool good = unpack_codes(bytes, fields, static_cast<std::int64_t>(count), report,
                                 [&](std::int8_t code) { codes.push_back(code); });
  CHECK(good == report.text().empty());
  CHECK(report.text() == objection);
  return codes;
}
}  // namespace

TEST_CASE("n codes of b bits take exactly ceil(n b / 8) bytes and come back, for every grid, bit-width and length") {
  bitgrain::RandomStream random(1, "packing");
  for (const Grid grid : {Grid::kUnsigned, Grid::kSigned, Grid::kSymmetric, Grid::kOdd, Grid::kPow2, Grid::kPlanes})
    for (int bits = 1; bits <= 8; ++bits)
      for (std::size_t n = 0; n < 40; ++n) {
        const auto layout =
            static_cast<std::uint8_t>(grid == Grid::kPow2     ? random.below(2)
                                      : grid == Grid::kPlanes ? (bits == 1 ? 8 : (1 << (bits - 1)) - 1)
                                                              : 0);
        const GridFields fields(grid, bits, layout);
        std::vector<std::int8_t> codes;
        while (codes.size() < n) {
          const std::int16_t code = fields.code(static_cast<std::uint8_t>(random.below(1u << bits)));
          if (code != GridFields::kNone) codes.push_back(static_cast<std::int8_t>(code));
        }
        std::vector<std::uint8_t> bytes{42};
        pack_codes(codes, fields, bytes);
        REQUIRE(bytes.size() == 1 + (n * static_cast<std::size_t>(bits) + 7) / 8);
        CHECK(bytes[0] == 42);
        CHECK(unpack(std::span(bytes).subspan(1), fields, n, "") == codes);
      }
}

TEST_CASE("the first field is in the lowest bits and the last byte is filled up with zeros") {
  CHECK(pack(Grid::kSigned, 4, {-8, 7, 0}) == std::vector<std::uint8_t>{0xF0, 0x08});
  CHECK(pack(Grid::kUnsigned, 3, {1, 2, 7, 5}) == std::vector<std::uint8_t>{0xD1, 0x0B});
  CHECK(pack(Grid::kSigned, 1, {1, -1, 1, 1, -1, -1, -1, 1, 1}) == std::vector<std::uint8_t>{0x8D, 0x01});
}

TEST_CASE("codes off the grid, fields without a code, set unused bits and wrong lengths are refused") {
  std::vector<std::uint8_t> bytes;
  CHECK_THROWS_AS(pack_codes(std::vector<std::int8_t>{2}, GridFields(Grid::kSigned, 2, 0), bytes), Error);
  const GridFields symmetric(Grid::kSymmetric, 2, 0);
  const auto two = [&](const std::vector<std::uint8_t>& from, const char* objection) {
    return unpack(from, symmetric, 2, objection);
  };
  two({0x03}, "weight 0: the field 3 stands for no code");
  two({0x15}, "unused bits after the last weight code are set");
  two({0x05, 0}, "2 codes of 2 bits do not take 2 bytes");
  CHECK(two({0x06}, "") == std::vector<std::int8_t>{1, 0});
}
