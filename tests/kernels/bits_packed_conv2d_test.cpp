#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/kernels/bits/packed_conv2d.hpp"
#include "kernels/bits_case.hpp"

namespace {
using bits_case::ConvGeometry;
using bits_case::Window2d;
namespace kernels = bitgrain::kernels;

std::size_t passes(kernels::BitCodes weights, int input_bits, std::int64_t channels = 32) {
  const ConvGeometry g{1, 5, 5, channels, 20, Window2d::square(3, 1, 1), 1};
  bitgrain::RandomStream random(1, "passes");
  const auto w = bits_case::random_codes<std::int8_t>(weights, g.weight_size(), random);
  return kernels::pack_bit_conv2d(g, w.data(), {0, 1, input_bits}).passes.size();
}
}  // namespace

TEST_CASE("the identity of two by two bits holds for every weight and input") {
  constexpr int f[] = {-1, -1, -3, -5}, g[] = {1, 1, -1, -3};
  for (int w = 0; w < 4; ++w)
    for (int u = 0; u < 4; ++u) {
      const bool w0 = (w & 1) != 0, w1 = (w & 2) != 0, u0 = (u & 1) != 0, u1 = (u & 2) != 0;
      const int first = w0 && u0, second = (u1 != w1) && u1 == u0, third = (u1 != w1) && w1 == w0;
      CHECK(first - 2 * (second + third) - f[w] - g[u] == w * u);
    }
}

TEST_CASE("the number of passes is what the header promises: signs are free, two by two bits take three") {
  CHECK(passes(bits_case::signed_codes(1), 1) == 1);
  CHECK(passes(bits_case::signed_codes(1), 2) == 2);
  CHECK(passes({-1, 1, 1}, 2) == 2);                      // -1 and 0
  CHECK(passes(bits_case::signed_codes(2), 2) == 3);      // -2 .. 1
  CHECK(passes(bits_case::odd_codes(2), 2) == 3);         // -3 -1 1 3
  CHECK(passes(bits_case::signed_codes(2), 2, 33) == 4);  // bits left over at the end of a run
  CHECK(passes(bits_case::signed_codes(2), 1) == 2);
  CHECK(passes(bits_case::signed_codes(3), 2) == 6);
  CHECK(passes(bits_case::signed_codes(8), 8) == 64);
}

TEST_CASE("a bit-serial convolution that does not exist is refused") {
  const std::vector<std::int8_t> w(64, 1);
  const ConvGeometry g{1, 4, 4, 4, 4, Window2d::square(2, 1, 1), 1};
  CHECK_NOTHROW(kernels::pack_bit_conv2d(g, w.data(), {0, 1, 2}));
  CHECK_THROWS_AS(kernels::pack_bit_conv2d({1, 4, 4, 4, 4, Window2d::square(1), 2}, w.data(), {0, 1, 2}),
                  bitgrain::Error);
  CHECK_THROWS_AS(kernels::pack_bit_conv2d({1, 1, 1, 4, 4, Window2d::square(2), 1}, w.data(), {0, 1, 2}),
                  bitgrain::Error);
  CHECK_THROWS_AS(kernels::pack_bit_conv2d(g, w.data(), {0, 1, 9}), bitgrain::Error);
  CHECK_THROWS_AS(kernels::pack_bit_conv2d(g, w.data(), {250, 1, 3}), bitgrain::Error);
  CHECK_THROWS_AS(kernels::pack_bit_conv2d(g, w.data(), {0, 3, 1}), bitgrain::Error);
  CHECK_THROWS_AS(kernels::pack_bit_conv2d(g, w.data(), {0, 1, 2}, 0, 4), bitgrain::Error);  // no such padding
}
