#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/base/random.hpp"
#include "bitgrain/kernels/int8/depthwise_lanes.hpp"

TEST_CASE(
    "32 channels of four pixels: sums in the order of the channels, codes equal to the definition or uncertain") {
  namespace kernels = bitgrain::kernels;
  MESSAGE("instructions here: " << kernels::kHasDepthwiseLanes);
#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
  using kernels::DepthwiseLanes;
  bitgrain::RandomStream random(1, "depthwise");
  const bitgrain::ConvGeometry g{1, 1, 4, 32, 32, {1, 4, 1, 1, 0, 0, 1, 1}, 32};
  std::vector<std::uint8_t> x(4 * 32);
  std::vector<std::int8_t> w(32 * 4);
  for (auto& v : x) v = static_cast<std::uint8_t>(random.below(256));
  for (auto& v : w) v = static_cast<std::int8_t>(static_cast<int>(random.below(256)) - 128);
  const auto packed = kernels::pack_conv2d(g, w.data());
  std::vector<std::int32_t> start(32), got(32), expected(32);
  for (std::size_t c = 0; c < 32; ++c) {
    start[c] = expected[c] = static_cast<std::int32_t>(c * 1000);
    for (std::size_t i = 0; i < 4; ++i) expected[c] += x[i * 32 + c] * w[c * 4 + i];
  }
  DepthwiseLanes lanes[1] = {DepthwiseLanes(start.data())};
  lanes[0].add(DepthwiseLanes::quads(x.data(), x.data() + 32, x.data() + 64, x.data() + 96),
               packed.lane_weights.data());
  lanes[0].store(got.data());
  CHECK(got == expected);
  int certain = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<std::int32_t> m(32);
    std::vector<std::int64_t> b(32);
    for (std::size_t c = 0; c < 32; ++c) {
      m[c] = static_cast<std::int32_t>(random.below(1u << 30)) - (1 << 29);
      // Every other round puts the code of this sum next to an edge.
      b[c] = round % 2 == 0 ? static_cast<std::int64_t>(random.below(200)) << 40
                            : (std::int64_t{100} << 40) - std::int64_t{m[c]} * expected[c] + random.below(3) - 1;
    }
    const auto r = kernels::make_requantization(m, {}, b, std::vector<std::uint8_t>(32, 40), 0, 200, 0, 1 << 20);
    std::uint8_t codes[32];
    if (!DepthwiseLanes::Requantize(r, 0).put(lanes, codes, 32)) continue;
    ++certain;
    for (std::size_t c = 0; c < 32; ++c) CHECK(codes[c] == r.code(c, expected[c]));
  }
  CHECK(certain >= 90);
  CHECK(certain <= 110);  // the edges were noticed
#endif
}
