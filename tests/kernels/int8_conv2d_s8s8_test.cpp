// That signed bytes times signed bytes are exact, extremes and padding of any code included.

#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/int8/conv2d_s8s8.hpp"
#include "bitgrain/kernels/reference/conv2d_int8.hpp"
#include "kernels/bits_case.hpp"

namespace {
using bitgrain::ConvGeometry;
using bitgrain::RandomStream;
using bitgrain::Window2d;
namespace kernels = bitgrain::kernels;

template <class Dot>
void compare_signed(const ConvGeometry& g, std::int8_t padding, RandomStream& random) {
  const auto x = bits_case::random_codes<std::int8_t>({-128, 1, 8}, g.input_size() + 3, random);
  const auto w = bits_case::random_codes<std::int8_t>({-128, 1, 8}, g.weight_size(), random);
  std::vector<std::int32_t> expected(static_cast<std::size_t>(g.output_size())), got(expected.size(), -1);
  const std::int8_t* misaligned = x.data() + 3;
  kernels::reference::conv2d_s8s8(g, misaligned, padding, w.data(), expected.data());
  kernels::conv2d_s8s8<Dot>(kernels::pack_conv2d_s8s8(g, w.data(), padding), g.batch, misaligned, got.data());
  CHECK_MESSAGE(got == expected, Dot::kName, ": in ", g.in_h, "x", g.in_w, "x", g.in_channels, " out ",
                g.out_channels, " groups ", g.groups, " padding ", int{padding});
}
}  // namespace

TEST_CASE("signed bytes times signed bytes equal the oracle for awkward channels, windows, padding and groups") {
  RandomStream random(1, "s8s8");
  for (const std::int64_t in : {1, 3, 4, 7, 8, 16, 17, 33})
    for (const std::int64_t out : {1, 2, 15, 16, 17, 33}) {
      const ConvGeometry g{2, 5, 6, in, out, Window2d::square(3, 1, 1), 1};
      compare_signed<kernels::BestDot>(g, 0, random);
      compare_signed<kernels::GenericDot>(g, 0, random);
    }
  int done = 0;
  while (done < 60) {
    ConvGeometry g;
    g.batch = bits_case::pick(random, {1, 2, 9});
    g.in_h = bits_case::pick(random, {1, 2, 5, 8});
    g.in_w = bits_case::pick(random, {1, 3, 7, 8});
    g.groups = bits_case::pick(random, {1, 1, 2, 6});
    g.in_channels = g.groups * bits_case::pick(random, {1, 2, 4, 5});
    g.out_channels = g.groups * bits_case::pick(random, {1, 2, 16, 19});
    g.window = {bits_case::pick(random, {1, 3, 5}), bits_case::pick(random, {1, 2, 3}),
                bits_case::pick(random, {1, 2}),    bits_case::pick(random, {1, 2}),
                bits_case::pick(random, {0, 1, 2}), bits_case::pick(random, {0, 1, 2}),
                bits_case::pick(random, {1, 2}),    bits_case::pick(random, {1, 3})};
    if (g.out_h() < 1 || g.out_w() < 1) continue;
    ++done;
    compare_signed<kernels::BestDot>(g, static_cast<std::int8_t>(static_cast<int>(random.below(256)) - 128), random);
  }
}

TEST_CASE("many images are flipped block by block, with any number of threads") {
  RandomStream random(2, "s8s8 blocks");
  const int before = bitgrain::num_threads();
  for (const int threads : {1, 3}) {
    bitgrain::set_num_threads(threads);
    compare_signed<kernels::BestDot>({70, 16, 16, 16, 20, Window2d::square(3, 2, 1), 1}, 0, random);
  }
  bitgrain::set_num_threads(before);
}
