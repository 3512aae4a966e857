#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/kernels/bits/packed8_conv2d.hpp"
#include "bitgrain/kernels/reference/conv2d_int8.hpp"
#include "kernels/bits_case.hpp"

TEST_CASE("a convolution from packed weights equals the oracle, in groups and depthwise, too") {
  namespace kernels = bitgrain::kernels;
  bitgrain::RandomStream random(1, "packed8");
  for (int done = 0; done < 60; ++done) {
    auto g = bits_case::random_geometry(random);
    if (done % 4 == 0) {  // depthwise or two groups
      g.groups = done % 8 == 0 ? g.in_channels : 2;
      g.in_channels = g.groups * (done % 8 == 0 ? 1 : 5);
      g.out_channels = g.groups * 3;
    }
    const auto bits = static_cast<int>(1 + random.below(8));
    const auto x = bits_case::random_codes<std::uint8_t>({0, 1, 8}, g.input_size(), random);
    const auto w = bits_case::random_codes<std::int8_t>(bits_case::signed_codes(bits), g.weight_size(), random);
    std::vector<std::int32_t> expected(static_cast<std::size_t>(g.output_size())), got(expected.size(), -1);
    kernels::reference::conv2d_u8s8(g, x.data(), 128, w.data(), 128, expected.data());
    const auto packed = kernels::pack8_conv2d(g, w.data(), 128, 128);
    CHECK(packed.weights.codes.bits <= std::max(bits, 2));
    kernels::conv2d_u8s8(kernels::unpack8_conv2d(packed), g.batch, x.data(), got.data());
    CHECK_MESSAGE(got == expected, bits_case::describe(g), " groups ", g.groups, " bits ", bits);
  }
}
