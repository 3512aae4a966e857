#include <doctest/doctest.h>

#include "bitgrain/kernels/int8/requantize.hpp"

namespace {
namespace kernels = bitgrain::kernels;
}

TEST_CASE("codes are clamp((M a + R x + B) >> n) + offset, rounded down also below zero") {
  const auto r = kernels::make_requantization({3, -3}, {1, 0}, {8, -1}, {2, 1}, -100, 100, 128, 1000);
  CHECK(r.code(0, 1, 0) == 128 + 2);    // 11 / 4
  CHECK(r.code(0, 1, 1) == 128 + 3);    // 12 / 4
  CHECK(r.code(0, -4, 0) == 128 - 1);   // -4 / 4
  CHECK(r.code(0, -5, 1) == 128 - 2);   // -6 / 4
  CHECK(r.code(1, 1, 200) == 128 - 2);  // -4 / 2, no residual in this channel
  CHECK(r.code(1, 1000, 0) == 28);
  CHECK(r.code(1, -1000, 0) == 228);
}

TEST_CASE("extreme constants are exact in 64 bits") {
  const auto r =
      kernels::make_requantization({INT32_MAX}, {}, {(std::int64_t{1} << 61) - 1}, {40}, 0, 255, 0, INT32_MAX);
  // (2^31 - 1)^2 + 2^61 - 1 = 2^62 + 2^61 - 2^32, far above 255 after 40 bits.
  CHECK(r.code(0, INT32_MAX) == 255);
  CHECK(r.code(0, INT32_MIN) == 0);
  CHECK(r.limit[0] > 0);   // 2^21 beside codes: floats would be too coarse,
  CHECK(r.scale[0] == 0);  // so that nothing is certain
}

TEST_CASE("constants are followed by zeros, so that sixteen can be read at any channel") {
  const auto r = kernels::make_requantization({1, 2, 3}, {}, {1, 2, 3}, {1, 2, 3}, 0, 255, 0, 1);
  CHECK(r.channels == 3);
  CHECK(r.multiplier.size() >= 19);
  CHECK(r.start.size() >= 19);
  CHECK(r.limit[18] == 0);
  CHECK_FALSE(r.residual);
}
