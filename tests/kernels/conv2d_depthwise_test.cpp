#include "bitgrain/kernels/f32/conv2d_depthwise.hpp"

#include <doctest/doctest.h>

#include "kernels/conv_case.hpp"

namespace kernels = bitgrain::kernels;
using bitgrain::RandomStream;

TEST_CASE_TEMPLATE("depthwise convolution is right at every number of channels", Case, BITGRAIN_FLOAT_CASES) {
  RandomStream random(1, "channels");
  for (std::int64_t channels = 1; channels <= 17; ++channels)
    compare_conv<Case>(conv(2, 5, 6, channels, channels, 3, 1, 1, 1, channels), random);
  for (const std::int64_t channels : {31, 33, 64, 70})
    compare_conv<Case>(conv(1, 4, 9, channels, channels, 3, 2, 1, 1, channels), random);
}

TEST_CASE_TEMPLATE("depthwise convolution is right for large, dilated and strided kernels", Case,
                   BITGRAIN_FLOAT_CASES) {
  RandomStream random(2, "kernels");
  for (const std::int64_t stride : {1, 2, 3}) {
    compare_conv<Case>(conv(1, 13, 19, 5, 5, 5, stride, 2, 1, 5), random);
    compare_conv<Case>(conv(1, 13, 12, 5, 5, 3, stride, 2, 2, 5), random);
    compare_conv<Case>({2, 6, 7, 9, 9, {1, 4, stride, 1, 0, 3, 1, 1}, 9}, random);
  }
}

TEST_CASE_TEMPLATE("depthwise convolution is right at every width, where blocks of pixels end, overlap and stick out",
                   Case, BITGRAIN_FLOAT_CASES) {
  RandomStream random(4, "widths");
  for (std::int64_t width = 1; width <= 26; ++width)
    for (const std::int64_t stride : {1, 2})
      for (const std::int64_t kernel : {1, 2, 3, 5})
        for (const std::int64_t pad : {0, 1, 2})
          if (width + 2 * pad >= kernel)
            compare_conv<Case>({1, 4, width, 18, 18, {3, kernel, stride, stride, 1, pad, 1, 1}, 18}, random);
}

TEST_CASE("a depthwise result that is streamed past the caches is right") {
  RandomStream random(5, "streamed");
  const bitgrain::ConvGeometry g = conv(2, 140, 141, 64, 64, 3, 1, 1, 1, 64);
  const bitgrain::Scratch<float> y(static_cast<std::size_t>(g.output_size()));
  REQUIRE((kernels::kLanes<float> < 16 ||
           kernels::worth_streaming<float, kernels::DefaultArch>(y.data(), 64, g.output_size())));
  Guarded<float> x(g.input_size()), w(g.weight_size()), expected(g.output_size()), got(g.output_size());
  fill_random(x, random);
  fill_random(w, random);
  kernels::reference::conv2d_forward(g, x.data(), w.data(), nullptr, expected.data());
  kernels::conv2d_forward(g, x.data(), w.data(), nullptr, y.data());
  std::copy_n(y.data(), g.output_size(), got.data());
  check_close(got, expected, 11, "forward, streamed");
}

TEST_CASE("several filters per channel go through the grouped path and are right") {
  RandomStream random(3, "multiplier");
  const bitgrain::ConvGeometry g = conv(2, 5, 6, 4, 12, 3, 1, 1, 1, 4);
  CHECK_FALSE(kernels::is_depthwise(g));
  compare_conv<FloatCase<float, kernels::DefaultArch>>(g, random);
}
