// That sums written straight to memory are those of the oracle, for whole units and their remainders.

#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/kernels/int8/conv2d_sums.hpp"
#include "bitgrain/kernels/reference/conv2d_int8.hpp"
#include "kernels/bits_case.hpp"

namespace {
using bitgrain::ConvGeometry;
using bitgrain::RandomStream;
using bitgrain::Window2d;
namespace kernels = bitgrain::kernels;

template <class Dot>
void compare_sums(const ConvGeometry& g, std::int32_t offset, RandomStream& random) {
  const auto x = bits_case::random_codes<std::uint8_t>({0, 1, 8}, g.input_size(), random);
  const auto w = bits_case::random_codes<std::int8_t>({-128, 1, 8}, g.weight_size(), random);
  const auto padding = static_cast<std::uint8_t>(random.below(256));
  std::vector<std::int32_t> expected(static_cast<std::size_t>(g.output_size())), got(expected.size() + 1, 77);
  kernels::reference::conv2d_u8s8(g, x.data(), padding, w.data(), offset, expected.data());
  kernels::conv2d_u8s8_sums<Dot>(kernels::pack_conv2d(g, w.data(), offset, padding), g.batch, x.data(), got.data());
  CHECK(got.back() == 77);
  got.pop_back();
  CHECK_MESSAGE(got == expected, Dot::kName, ": batch ", g.batch, " in ", g.in_h, "x", g.in_w, "x", g.in_channels,
                " out ", g.out_channels, " groups ", g.groups);
}
}  // namespace

TEST_CASE("sums in memory equal the oracle's, whatever a unit holds") {
  RandomStream random(1, "sums");
  const ConvGeometry cases[] = {{1, 1, 1, 1, 1, Window2d{}, 1},
                                {37, 1, 1, 64, 17, Window2d{}, 1},                // a matrix product
                                {3, 1, 1, 131, 33, Window2d{}, 1},                // no whole quads
                                {2, 50, 47, 4, 5, Window2d::square(3, 1, 1), 1},  // several units of one image
                                {2, 50, 47, 3, 5, Window2d::square(3, 2, 1), 1},  // framed
                                {5, 7, 9, 12, 18, Window2d::square(3, 1, 2, 2), 3},
                                {2, 9, 9, 40, 40, Window2d::square(3, 1, 1), 40}};  // depthwise
  for (const ConvGeometry& g : cases)
    for (const std::int32_t offset : {0, 128}) {
      compare_sums<kernels::BestDot>(g, offset, random);
      compare_sums<kernels::GenericDot>(g, offset, random);
    }
}

TEST_CASE("chunks of a parallel loop hold a million products and 64 pixels") {
  CHECK(kernels::images_of_chunk({1, 1, 1, 8, 8, Window2d{}, 1}) == 16384);
  CHECK(kernels::images_of_chunk({1, 1, 1, 4096, 4096, Window2d{}, 1}) == 64);
  CHECK(kernels::images_of_chunk({1, 64, 64, 64, 64, Window2d::square(3, 1, 1), 1}) == 1);
}
