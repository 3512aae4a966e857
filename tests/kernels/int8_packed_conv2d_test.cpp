#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/kernels/int8/packed_conv2d.hpp"

namespace {
using bitgrain::ConvGeometry;
using bitgrain::Window2d;
namespace kernels = bitgrain::kernels;

std::vector<std::int8_t> counting(std::int64_t n) {
  std::vector<std::int8_t> w(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = static_cast<std::int8_t>(i % 100 + 1);
  return w;
}
}  // namespace

TEST_CASE("packed weights stand at [block][run][quad][channel][product], with zeros between") {
  const ConvGeometry g{1, 4, 4, 2, 18, Window2d::square(3), 1};
  const auto w = counting(g.weight_size());
  const auto packed = kernels::pack_conv2d(g, w.data());
  CHECK(packed.runs == 3);
  CHECK(packed.run_bytes == 6);
  CHECK(packed.quads == 2);
  CHECK(packed.blocks == 2);
  REQUIRE(packed.weights.numel() == 2 * 3 * 2 * 64);
  for (std::int64_t o = 0; o < 32; ++o)
    for (std::int64_t run = 0; run < 3; ++run)
      for (std::int64_t byte = 0; byte < 8; ++byte) {
        const std::int64_t at = (((o / 16 * 3 + run) * 2 + byte / 4) * 16 + o % 16) * 4 + byte % 4;
        const bool exists = o < 18 && byte < 6;
        CHECK(packed.weights[at] == (exists ? w[static_cast<std::size_t>(o * 18 + run * 6 + byte)] : 0));
      }
}

TEST_CASE("accumulators of inputs stored +128 start at -128 * sum(w), per group") {
  const ConvGeometry g{1, 1, 1, 4, 6, Window2d{}, 2};
  const auto w = counting(g.weight_size());
  const auto packed = kernels::pack_conv2d(g, w.data(), 128);
  for (std::size_t o = 0; o < 6; ++o) CHECK(packed.start[o / 3 * 16 + o % 3] == -128 * (w[2 * o] + w[2 * o + 1]));
}

TEST_CASE("dilation along w splits the runs, and one input channel per group goes the depthwise way") {
  ConvGeometry g{1, 9, 9, 5, 3, Window2d::square(3, 1, 0, 2), 1};
  CHECK(kernels::pack_conv2d(g, counting(g.weight_size()).data()).runs == 9);
  g.window.dilation_w = 1;
  CHECK(kernels::pack_conv2d(g, counting(g.weight_size()).data()).runs == 3);
  g = {1, 9, 9, 5, 10, Window2d::square(3), 5};
  const auto packed = kernels::pack_conv2d(g, counting(g.weight_size()).data());
  CHECK(packed.depthwise);
  CHECK(packed.weights.shape() == bitgrain::Shape{9, 10});
}
