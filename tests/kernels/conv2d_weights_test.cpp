#include "bitgrain/kernels/f32/conv2d_weights.hpp"

#include <doctest/doctest.h>

#include "kernels/conv_case.hpp"

namespace kernels = bitgrain::kernels;
using bitgrain::RandomStream;

namespace {
template <class Case>
bool turned(const bitgrain::ConvGeometry& g) {
  return kernels::detail::WeightGradient<typename Case::T, typename Case::Arch>::better_turned(
      kernels::plan_forward(g));
}
}  // namespace

TEST_CASE("first layers turn the tile round, wide ones do not") {
  using Case = FloatCase<float, kernels::DefaultArch>;
  if (kernels::kLanes<float> == 16) {
    CHECK(turned<Case>(conv(1, 32, 32, 3, 16, 3, 1, 1)));
    CHECK(turned<Case>(conv(1, 28, 28, 1, 32, 5)));
  }
  CHECK_FALSE(turned<Case>(conv(1, 32, 32, 16, 16, 3, 1, 1)));
  CHECK_FALSE(turned<Case>(conv(1, 8, 8, 64, 64, 3, 1, 1)));
  CHECK_FALSE(turned<Case>(conv(1, 8, 8, 3, 10, 3, 1, 1)));  // dy has no whole vectors
}

TEST_CASE_TEMPLATE("the weight gradient of first layers is right: few input channels, any taps", Case,
                   BITGRAIN_FLOAT_CASES) {
  RandomStream random(1, "first");
  for (const std::int64_t in : {1, 2, 3, 4})
    for (const std::int64_t out : {6, 8, 16, 32, 48}) {
      compare_conv<Case>(conv(2, 9, 8, in, out, 3, 1, 1), random);
      compare_conv<Case>(conv(1, 11, 11, in, out, 5, 2, 2), random);
      compare_conv<Case>(conv(1, 11, 11, in, out, 3, 1, 2, 2), random);
    }
}

TEST_CASE("a gradient over many blocks and chunks is right") {
  using Case = FloatCase<float, kernels::DefaultArch>;
  RandomStream random(2, "chunks");
  compare_conv<Case>(conv(9, 16, 16, 16, 16, 3, 1, 1), random);
  compare_conv<Case>(conv(1, 60, 200, 8, 8, 3, 1, 1), random);
  compare_conv<Case>(conv(9, 16, 16, 3, 16, 3, 1, 1), random);
}

TEST_CASE("a gradient too large for copies per chunk divides its filters instead") {
  using Case = FloatCase<float, kernels::DefaultArch>;
  RandomStream random(3, "filters");
  compare_conv<Case>(conv(3, 2, 2, 400, 410, 3, 1, 1), random);
}

TEST_CASE("a large gradient of few pixels, made in a buffer, is right at the ends of pieces, blocks and memory") {
  using Case = FloatCase<float, kernels::DefaultArch>;
  RandomStream random(5, "streamed");
  const auto streams = [](const bitgrain::ConvGeometry& g) {
    const kernels::ConvPlan plan = kernels::plan_forward(g);
    return kernels::detail::should_stream_gradient(plan, kernels::GradientBlocks(plan, sizeof(float)),
                                                   static_cast<std::size_t>(g.weight_size()) * sizeof(float));
  };
  for (const bitgrain::ConvGeometry& g : {conv(1, 2, 2, 256, 259, 5, 1, 2), conv(1, 2, 1, 401, 163, 5, 1, 2),
                                          conv(2, 2, 2, 420, 421, 3, 1, 2, 2), conv(1, 8, 33, 250, 250, 3, 2, 1)}) {
    REQUIRE(streams(g));
    compare_conv<Case>(g, random);
  }
}

TEST_CASE("NaN next to the columns of a tile do not reach its sums") {
  // Behind the 1-channel image stand NaN, which vector loads of its last rows would read.
  const bitgrain::ConvGeometry g = conv(1, 4, 4, 1, 3, 2);
  std::vector<float> x(200, std::numeric_limits<float>::quiet_NaN());
  std::fill_n(x.begin(), 16, 1.0f);
  const std::vector<float> dy(static_cast<std::size_t>(g.output_size()), 1.0f);
  std::vector<float> dw(static_cast<std::size_t>(g.weight_size()));
  kernels::conv2d_backward_weights(g, x.data(), dy.data(), dw.data(), nullptr);
  for (const float v : dw) CHECK(v == 9);
}

TEST_CASE("the blocks of one chunk are added up") {
  const bitgrain::ConvGeometry g = conv(17, 32, 32, 32, 2, 1);
  REQUIRE(g.macs() < (2 << 20));  // one chunk
  REQUIRE(kernels::GradientBlocks(kernels::plan_forward(g), sizeof(float)).count() > 1);
  RandomStream random(4, "blocks");
  compare_conv<FloatCase<float, kernels::DefaultArch>>(g, random);
}
