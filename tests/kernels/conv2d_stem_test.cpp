#include "bitgrain/kernels/f32/conv2d_stem.hpp"

#include <doctest/doctest.h>

#include "kernels/conv_case.hpp"

namespace kernels = bitgrain::kernels;
using bitgrain::ConvGeometry;
using bitgrain::RandomStream;

TEST_CASE_TEMPLATE("first convolutions are right at every width, where tiles of pixels end and stick out", Case,
                   BITGRAIN_FLOAT_CASES) {
  RandomStream random(1, "widths");
  for (std::int64_t width = 1; width <= 50; ++width)
    for (const std::int64_t in : {1, 3})
      for (const std::int64_t stride : {1, 2}) {
        const std::int64_t kernel = width % 3 * 2 + 1;
        if (width + 2 < kernel) continue;
        compare_conv<Case>({2, 5, width, in, 17, {3, kernel, stride, stride, 1, 1, 1, 1}, 1}, random);
      }
}

TEST_CASE_TEMPLATE("first convolutions are right at every number of filters", Case, BITGRAIN_FLOAT_CASES) {
  RandomStream random(2, "filters");
  for (std::int64_t filters = 1; filters <= 17; ++filters)
    compare_conv<Case>(conv(1, 6, 7, 3, filters, 3, 1, 1), random);
  for (const std::int64_t filters : {31, 32, 33, 47, 48, 64, 65, 100})
    compare_conv<Case>(conv(1, 5, 19, 1, filters, 5, 1, 2), random);
}

TEST_CASE_TEMPLATE("first convolutions are right for every kernel, padding and stride", Case, BITGRAIN_FLOAT_CASES) {
  RandomStream random(3, "kernels");
  for (const std::int64_t in : {1, 2, 3})
    for (const std::int64_t kernel : {1, 2, 3, 4, 5, 7, 11})
      for (const std::int64_t stride : {1, 2, 3})
        for (const std::int64_t pad : {std::int64_t{0}, kernel / 2, kernel + 1})
          compare_conv<Case>({1, 12, 13, in, 5, {kernel, kernel, stride, stride, pad, pad, kernel < 6 ? 2 : 1, 1}, 1},
                             random);
}

TEST_CASE("which convolutions are computed as first ones") {
  CHECK(kernels::is_stem(conv(1, 32, 32, 3, 16, 3, 1, 1)));
  CHECK(kernels::is_stem(conv(1, 224, 224, 3, 64, 7, 2, 3)));
  CHECK(kernels::is_stem(conv(1, 28, 28, 1, 6, 5)));
  CHECK_FALSE(kernels::is_stem(conv(1, 32, 32, 16, 16, 3, 1, 1)));
  CHECK_FALSE(kernels::is_stem(conv(1, 32, 32, 3, 16, 3, 3, 1)));     // a stride without tiles
  CHECK_FALSE(kernels::is_stem(conv(1, 32, 32, 3, 16, 3, 1, 1, 2)));  // taps that are no neighbours
  CHECK_FALSE(kernels::is_stem(conv(1, 32, 32, 3, 3, 3, 1, 1, 1, 3)));
}

TEST_CASE(
    "large results of first convolutions are right, streamed past the caches or fetched before they are written") {
  RandomStream random(4, "large");
  for (const std::int64_t filters : {80, 81}) {
    const ConvGeometry g = conv(1, 236, 253, 3, filters, 1);
    const bitgrain::Scratch<float> y(static_cast<std::size_t>(g.output_size()));
    const bool streamed = kernels::worth_streaming<float, kernels::DefaultArch>(y.data(), filters, g.output_size());
    CHECK((kernels::kLanes<float> < 16 || streamed == (filters == 80)));
    REQUIRE((static_cast<std::size_t>(g.output_size()) * sizeof(float) >= 2 * kernels::kStreamingBytes));
    Guarded<float> x(g.input_size()), w(g.weight_size()), expected(g.output_size()), got(g.output_size());
    fill_random(x, random);
    fill_random(w, random);
    kernels::reference::conv2d_forward(g, x.data(), w.data(), nullptr, expected.data());
    kernels::conv2d_forward(g, x.data(), w.data(), nullptr, y.data());
    std::copy_n(y.data(), g.output_size(), got.data());
    check_close(got, expected, 5, "forward, large");
  }
}
