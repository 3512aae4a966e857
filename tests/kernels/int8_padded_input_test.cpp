#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/kernels/int8/padded_input.hpp"

namespace {
using bitgrain::ConvGeometry;
using bitgrain::Window2d;
namespace kernels = bitgrain::kernels;
}  // namespace

TEST_CASE("the frame holds the padding byte, and channels stand together by group") {
  const ConvGeometry g{1, 3, 2, 6, 4, Window2d::square(3, 1, 1), 2};
  const std::vector<std::int8_t> w(static_cast<std::size_t>(g.weight_size()), 1);
  const auto conv = kernels::pack_conv2d(g, w.data(), 0, 77);
  std::vector<std::uint8_t> x(2 * 3 * 2 * 6);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<std::uint8_t>(i);
  kernels::PaddedInput input(conv, 2);
  input.fill(x.data(), 2);
  for (std::int64_t group = 0; group < 2; ++group)
    for (std::int64_t n = 0; n < 2; ++n)
      for (std::int64_t y = 0; y < 5; ++y)
        for (std::int64_t xx = 0; xx < 4; ++xx)
          for (std::int64_t c = 0; c < 3; ++c) {
            const bool inside = y >= 1 && y < 4 && xx >= 1 && xx < 3;
            const std::int64_t at = ((n * 3 + y - 1) * 2 + xx - 1) * 6 + group * 3 + c;
            CHECK(input.data()[group * input.group_bytes() + input.offset(n, y, xx) + c] ==
                  (inside ? x[static_cast<std::size_t>(at)] : 77));
          }
}

TEST_CASE("a frame is filled again without losing its border") {
  const ConvGeometry g{1, 2, 2, 1, 1, Window2d::square(3, 1, 1), 1};
  const std::vector<std::int8_t> w(9, 1);
  const auto conv = kernels::pack_conv2d(g, w.data(), 0, 9);
  kernels::PaddedInput input(conv, 1);
  for (const std::uint8_t value : {std::uint8_t{1}, std::uint8_t{2}}) {
    const std::vector<std::uint8_t> x(4, value);
    input.fill(x.data(), 1);
    const std::vector<std::uint8_t> expected{9, 9, 9, 9, 9, value, value, 9, 9, value, value, 9, 9, 9, 9, 9};
    CHECK(std::vector<std::uint8_t>(input.data(), input.data() + 16) == expected);
  }
}
