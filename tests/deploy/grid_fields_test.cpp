#include "bitgrain/deploy/grid_fields.hpp"

#include <doctest/doctest.h>

#include <set>
#include <vector>

namespace {
using bitgrain::Grid;
using bitgrain::deploy::GridFields;

std::set<int> codes_of(Grid grid, int bits, std::uint8_t layout = 0) {
  const GridFields fields(grid, bits, layout);
  std::set<int> codes;
  for (int code = -128; code < 128; ++code) {
    const std::int16_t field = fields.field(static_cast<std::int8_t>(code));
    if (field == GridFields::kNone) continue;
    codes.insert(code);
    CHECK(fields.code(static_cast<std::uint8_t>(field)) == code);
    CHECK(field < 1 << bits);
  }
  return codes;
}
}  // namespace

TEST_CASE("every grid has exactly its codes") {
  for (int bits = 1; bits <= 8; ++bits) {
    for (const Grid grid : {Grid::kUnsigned, Grid::kSigned, Grid::kSymmetric}) {
      const auto range = bitgrain::code_range(grid, bits);
      std::set<int> expected;
      for (int code = range.low; code <= range.high && code <= 127; ++code)
        if (grid == Grid::kUnsigned || bits > 1 || code != 0) expected.insert(code);
      CHECK(codes_of(grid, bits) == expected);
    }
    std::set<int> odd;
    for (int code = -((1 << bits) - 1); code < 1 << bits; code += 2)
      if (code >= -128 && code <= 127) odd.insert(code);
    CHECK(codes_of(Grid::kOdd, bits) == odd);
  }
  CHECK(codes_of(Grid::kSigned, 1) == std::set<int>{-1, 1});
  CHECK(codes_of(Grid::kPow2, 3, 0) == std::set<int>{-8, -4, -2, -1, 1, 2, 4, 8});
  CHECK(codes_of(Grid::kPow2, 3, 1) == std::set<int>{-4, -2, -1, 0, 1, 2, 4});
  CHECK(codes_of(Grid::kPow2, 4, 0).size() == 15);  // -2^7 fits s8, +2^7 does not
  CHECK(codes_of(Grid::kPlanes, 3, 0b1010) == std::set<int>{-10, -8, -2, 0, 2, 8, 10});
  CHECK(codes_of(Grid::kPlanes, 3, 0b0100) == std::set<int>{-4, 0, 4});
  CHECK(codes_of(Grid::kPlanes, 2, 0b1010).empty());
  CHECK(codes_of(Grid::kPlanes, 1, 4) == std::set<int>{-4, 4});
}

TEST_CASE("the layout follows from the codes that occur") {
  const std::vector<std::int8_t> pow2{1, -4, 2}, with_zero{1, 0, -4}, planes{2, -8, 10};
  CHECK(GridFields::layout_of(Grid::kPow2, pow2) == 0);
  CHECK(GridFields::layout_of(Grid::kPow2, with_zero) == 1);
  CHECK(GridFields::layout_of(Grid::kPlanes, planes) == 0b1010);
  CHECK(GridFields::layout_of(Grid::kPlanes, std::vector<std::int8_t>{-128}) == 0x80);
  CHECK(GridFields::layout_of(Grid::kSigned, pow2) == 0);
}

TEST_CASE("grids and bit-widths that do not exist are refused") {
  CHECK_THROWS_AS(GridFields(Grid::kSigned, 0, 0), bitgrain::Error);
  CHECK_THROWS_AS(GridFields(Grid::kSigned, 9, 0), bitgrain::Error);
  CHECK_THROWS_AS(GridFields(static_cast<Grid>(6), 2, 0), bitgrain::Error);
}
