#include "bitgrain/kernels/f32/conv2d_strip.hpp"

#include <doctest/doctest.h>

#include "kernels/conv_case.hpp"

namespace {
namespace kernels = bitgrain::kernels;

// Every input that output rows [row, row + rows) read must hold the image's value, or 0 outside the image.
void check_strip(const bitgrain::ConvGeometry& g, std::int64_t images, std::int64_t row, std::int64_t rows,
                 std::int64_t readable_past) {
  const kernels::ConvPlan plan = kernels::plan_forward(g);
  Guarded<float> x(g.input_size(), 1);
  for (std::int64_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i + 1);
  kernels::InputStrip<float> strip(plan, images, rows, readable_past);
  strip.load(x.data(), g.batch - images, images, row, rows);
  std::int64_t wrong = 0;
  for (std::int64_t n = 0; n < images; ++n)
    for (std::int64_t r = row; r < row + rows; ++r)
      for (const kernels::Tap& h : plan.h.taps)
        for (std::int64_t t = 0; t < plan.w.count; ++t)
          for (const kernels::Tap& v : plan.w.taps)
            for (std::int64_t c = 0; c < g.in_channels; ++c) {
              const std::int64_t ih = r * plan.h.step + h.offset, iw = t * plan.w.step + v.offset;
              const bool inside = ih >= 0 && ih < g.in_h && iw >= 0 && iw < g.in_w;
              const std::int64_t image = g.batch - images + n;
              const float expected = inside ? x[((image * g.in_h + ih) * g.in_w + iw) * g.in_channels + c] : 0;
              wrong += strip.data()[strip.at(n, ih, iw) + c] != expected;
            }
  CHECK_MESSAGE(wrong == 0, describe(g), ", rows from ", row, ", ", rows);
}
}  // namespace

TEST_CASE("a strip holds the image with its zero padding, whichever rows and images it was cut for") {
  for (const std::int64_t pad : {0, 1, 3})
    for (const std::int64_t stride : {1, 2})
      for (const std::int64_t past : {0, 16}) {
        const bitgrain::ConvGeometry g = conv(3, 7, 6, 2, 1, 3, stride, pad);
        check_strip(g, 3, 0, g.out_h(), past);
        check_strip(g, 2, 0, g.out_h(), past);
        for (std::int64_t row = 0; row < g.out_h(); ++row) check_strip(g, 1, row, 1, past);
        check_strip(g, 1, 1, g.out_h() - 1, past);
      }
}

TEST_CASE("padding wider than the image gives zeros, not a crash") {
  check_strip(conv(1, 1, 1, 3, 1, 5, 1, 4), 1, 0, 5, 0);
  check_strip(conv(1, 2, 1, 1, 1, 1, 3, 5), 1, 0, 4, 4);
}

TEST_CASE("an image that needs no padding is read in place") {
  const bitgrain::ConvGeometry g = conv(2, 5, 5, 4, 1, 3);
  const kernels::ConvPlan plan = kernels::plan_forward(g);
  const std::vector<float> x(static_cast<std::size_t>(g.input_size()));
  kernels::InputStrip<float> strip(plan, 2, 3);
  strip.load(x.data(), 0, 2, 0, 3);
  CHECK(strip.data() == x.data());
}
