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
  REQUIRE(packed.weights.size() == 2 * 3 * 2 * 64);
  for (std::int64_t o = 0; o < 32; ++o)
    for (std::int64_t run = 0; run < 3; ++run)
      for (std::int64_t byte = 0; byte < 8; ++byte) {
        const std::int64_t at = (((o / 16 * 3 + run) * 2 + byte / 4) * 16 + o % 16) * 4 + byte % 4;
        const bool exists = o < 18 && byte < 6;
        CHECK(packed.weights[static_cast<std::size_t>(at)] ==
              (exists ? w[static_cast<std::size_t>(o * 18 + run * 6 + byte)] : 0));
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
  CHECK(packed.weights.size() == 9 * 10);
}

TEST_CASE("whole quads of channels are read from the image itself, all else from a frame") {
  const auto framed = [](std::int64_t in, std::int64_t groups) {
    const ConvGeometry g{1, 5, 5, in, groups, Window2d::square(3, 1, 1), groups};
    return kernels::pack_conv2d(g, counting(g.weight_size()).data()).framed;
  };
  CHECK_FALSE(framed(4, 1));
  CHECK_FALSE(framed(24, 3));
  CHECK(framed(3, 1));
  CHECK(framed(6, 1));
  CHECK(framed(12, 2));
  CHECK(framed(4, 4));
}

TEST_CASE("rows and columns are cut where the taps inside the image change") {
  using kernels::TapRange;
  const auto same = [](const TapRange& r, std::int64_t first_out, std::int64_t outs, std::int64_t first_tap,
                       std::int64_t taps) {
    return r.first_out == first_out && r.outs == outs && r.first_tap == first_tap && r.taps == taps;
  };
  const auto k3 = kernels::tap_ranges(8, 8, 3, 1, 1, 1);
  REQUIRE(k3.size() == 3);
  CHECK(same(k3[0], 0, 1, 1, 2));
  CHECK(same(k3[1], 1, 6, 0, 3));
  CHECK(same(k3[2], 7, 1, 0, 2));
  const auto strided = kernels::tap_ranges(8, 4, 3, 2, 1, 1);  // the last window ends inside
  REQUIRE(strided.size() == 2);
  CHECK(same(strided[1], 1, 3, 0, 3));
  const auto outside = kernels::tap_ranges(1, 5, 1, 1, 2, 1);  // windows of padding alone
  REQUIRE(outside.size() == 3);
  CHECK(same(outside[0], 0, 2, 1, 0));
  CHECK(same(outside[1], 2, 1, 0, 1));
  CHECK(outside[2].taps == 0);
}

TEST_CASE("sums start with what the padding outside the image adds") {
  // 2x2 image, 3x3 kernel: each pixel has its own four taps inside. Padding 130 means 130 - 128 = 2.
  const ConvGeometry g{1, 2, 2, 4, 1, Window2d::square(3, 1, 1), 1};
  const auto w = counting(g.weight_size());
  const auto packed = kernels::pack_conv2d(g, w.data(), 128, 130);
  REQUIRE(packed.rows.size() == 2);
  for (std::size_t r = 0; r < 2; ++r)
    for (std::size_t c = 0; c < 2; ++c) {
      int inside = 0, all = 0;
      for (std::size_t tap = 0; tap < 9; ++tap)
        for (std::size_t i = 0; i < 4; ++i) {
          const std::size_t y = tap / 3, x = tap % 3;
          all += w[tap * 4 + i];
          if (y + r >= 1 && y + r <= 2 && x + c >= 1 && x + c <= 2) inside += w[tap * 4 + i];
        }
      CHECK(packed.start[static_cast<std::size_t>(packed.start_of(r, c))] == 2 * (all - inside) - 128 * inside);
    }
}
