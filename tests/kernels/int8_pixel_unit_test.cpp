#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/kernels/int8/packed_conv2d.hpp"
#include "bitgrain/kernels/int8/pixel_unit.hpp"

namespace {
using bitgrain::ConvGeometry;
using bitgrain::Window2d;
namespace kernels = bitgrain::kernels;
using kernels::detail::InputView;
using kernels::detail::PixelUnit;
using Lists = kernels::detail::PixelLists<bitgrain::Scratch>;

kernels::PackedConv2d packed(const ConvGeometry& g) {
  return kernels::pack_conv2d(g, std::vector<std::int8_t>(static_cast<std::size_t>(g.weight_size()), 1).data());
}
}  // namespace

TEST_CASE("runs of pixels count up from any start in any step, whatever the compiler makes of the loop") {
  for (std::int32_t count = 1; count <= 41; ++count)
    for (const std::int32_t step : {1, 3, -5, 4096}) {
      CAPTURE(count);
      CAPTURE(step);
      std::vector<std::int32_t> to(static_cast<std::size_t>(count + kernels::detail::kBeyond));
      CHECK(kernels::detail::count_up(count, 100, step, to.data()) == to.data() + count);
      for (std::int32_t i = 0; i < count; ++i) CHECK(to[static_cast<std::size_t>(i)] == 100 + i * step);
    }
}

TEST_CASE("every pixel of a unit belongs to one class, whose taps all lie inside the image") {
  for (const Window2d& window :
       {Window2d::square(3, 1, 1), Window2d::square(3, 2, 1), Window2d::square(5, 1, 2), Window2d::square(3, 1, 2, 2),
        Window2d::square(1, 2, 0), Window2d::square(3, 1, 3)}) {
    const ConvGeometry g{1, 6, 7, 4, 1, window, 1};
    const auto conv = packed(g);
    const InputView view{6 * 7 * 4, 7 * 4, 4};
    Lists lists(conv, 3 * g.out_h() * g.out_w());
    for (const auto& [images, first, end] : std::vector<std::array<std::int64_t, 3>>{
             {1, 0, g.out_h()}, {3, 0, g.out_h()}, {1, 1, std::min<std::int64_t>(3, g.out_h())}}) {
      lists.build(conv, view, images, first, end);
      const PixelUnit unit = lists.unit();
      std::set<std::int32_t> outputs;
      std::int64_t next = 0;
      for (const auto& k : unit.classes) {
        CHECK(k.begin == next);
        next = k.end;
        for (std::int64_t i = k.begin; i < k.end; ++i) {
          outputs.insert(unit.output[i]);
          if (k.rows == 0 || k.quads == 0) continue;
          const std::int64_t at = unit.input[i];
          CHECK(at % 4 == 0);
          CHECK(at >= 0);
          const std::int64_t y = at % (6 * 7 * 4) / (7 * 4), x = at % (7 * 4) / 4;
          CHECK(y + (k.rows - 1) * window.dilation_h < 6);
          const std::int64_t taps = k.columns * k.quads;  // one quad per tap here
          CHECK(x + (taps - 1) * window.dilation_w < 7);
        }
      }
      CHECK(next == images * (end - first) * g.out_w());
      CHECK(static_cast<std::int64_t>(outputs.size()) == next);
      CHECK(*outputs.rbegin() == next - 1);
    }
  }
}

TEST_CASE("a 3x3 convolution of an 8x8 image has nine classes: corners of four taps, edges of six") {
  const auto conv = packed({1, 8, 8, 8, 1, Window2d::square(3, 1, 1), 1});
  Lists lists(conv, 64);
  lists.build(conv, {8 * 8 * 8, 8 * 8, 8}, 1, 0, 8);
  const PixelUnit unit = lists.unit();
  REQUIRE(unit.classes.size() == 9);
  CHECK(unit.classes[0].rows == 2);
  CHECK(unit.classes[0].quads == 4);  // two taps of eight channels
  CHECK(unit.classes[0].end == 1);
  CHECK(unit.classes[4].rows == 3);
  CHECK(unit.classes[4].quads == 6);
  CHECK(unit.classes[4].end - unit.classes[4].begin == 36);
  // The first weights of a corner are those of the middle tap: row 1, column 1 of 3 x 3 taps of 2 quads.
  CHECK(unit.classes[0].weights == (1 * 6 + 1 * 2) * 64);
}

TEST_CASE("the pixels of a small image are listed when its weights are packed, framed or not; copies keep them") {
  for (const std::int64_t channels : {3, 8}) {
    const ConvGeometry g{1, 9, 7, channels, 20, Window2d::square(3, 2, 1), 1};
    const auto original = packed(g);
    const auto conv = original;
    REQUIRE(conv.image_pixels.is(1, 0, g.out_h()));
    Lists lists(conv, g.out_h() * g.out_w());
    lists.build(conv, conv.view(), 1, 0, g.out_h());
    const PixelUnit expected = lists.unit(), unit = conv.image_pixels.unit();
    REQUIRE(unit.pixels == expected.pixels);
    CHECK(std::equal(unit.input, unit.input + unit.pixels, expected.input));
    CHECK(std::equal(unit.output, unit.output + unit.pixels, expected.output));
    CHECK(unit.classes.size() == expected.classes.size());
    CHECK(unit.input != original.image_pixels.unit().input);
  }
  CHECK_FALSE(packed({1, 64, 64, 4, 1, Window2d::square(1), 1}).image_pixels.is(1, 0, 64));
}
