#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/kernels/bits/codes.hpp"
#include "kernels/bits_case.hpp"

TEST_CASE("the fewest bits of a set of codes hold every code of it") {
  using bitgrain::kernels::fewest_bits;
  bitgrain::RandomStream random(1, "fewest bits");
  for (int bits = 1; bits <= 8; ++bits)
    for (const auto& grid : {bits_case::signed_codes(bits), bits_case::odd_codes(bits < 8 ? bits : 7)})
      for (const std::int64_t count : {1, 2, 3, 100}) {
        const auto codes = bits_case::random_codes<std::int8_t>(grid, count, random);
        const auto found = fewest_bits(codes.data(), count);
        CHECK(found.bits <= grid.bits);
        for (const std::int8_t code : codes) {
          CHECK(found.contains(code));
          CHECK(found.lowest + found.spacing * found.level(code) == code);
        }
      }
}

TEST_CASE("one-bit weights take one bit, and so do no weights and equal ones") {
  using bitgrain::kernels::fewest_bits;
  const std::vector<std::int8_t> binary = {1, -1, -1, 1}, ternary = {0, 1, -1}, same = {5, 5}, extreme = {-128, 127};
  CHECK(fewest_bits(binary.data(), 4).bits == 1);
  CHECK(fewest_bits(binary.data(), 4).spacing == 2);
  CHECK(fewest_bits(ternary.data(), 3).bits == 2);
  CHECK(fewest_bits(ternary.data(), 3).spacing == 1);
  CHECK(fewest_bits(same.data(), 2).bits == 1);
  CHECK(fewest_bits(same.data(), 2).lowest == 5);
  CHECK(fewest_bits(same.data(), 0).bits == 1);
  CHECK(fewest_bits(extreme.data(), 2).bits == 8);
  CHECK(!fewest_bits(binary.data(), 4).contains(0));
  CHECK(!fewest_bits(binary.data(), 4).contains(3));
}
