#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/kernels/f32/batch_norm.hpp"
#include "bitgrain/kernels/int8/real_conv2d.hpp"
#include "bitgrain/kernels/reference/conv2d_int8.hpp"
#include "kernels/conv_case.hpp"

namespace {
// A geometry with random codes, scales and bias.
struct RealConvCase {
  RealConvCase(const bitgrain::ConvGeometry& geometry, bitgrain::RandomStream& random)
      : g(geometry),
        x(static_cast<std::size_t>(g.input_size())),
        w(static_cast<std::size_t>(g.weight_size())),
        scale(g.out_channels, 1),
        bias(g.out_channels, 1) {
    for (auto& v : x) v = static_cast<std::uint8_t>(random.below(256));
    for (auto& v : w) v = static_cast<std::int8_t>(static_cast<int>(random.below(256)) - 128);
    fill_random(scale, random);
    fill_random(bias, random);
  }
  bitgrain::ConvGeometry g;
  std::vector<std::uint8_t> x;
  std::vector<std::int8_t> w;
  Guarded<float> scale, bias;
};
}  // namespace

TEST_CASE("integer convolution to real numbers: the exact sums, scaled, and the statistics of what was written") {
  namespace kernels = bitgrain::kernels;
  bitgrain::RandomStream random(1, "real conv");
  for (int k = 0; k < 60; ++k) {
    const RealConvCase c(random_conv(random), random);
    const auto& g = c.g;
    const std::int32_t zero = random.bernoulli(0.5) ? 0 : 128;
    const auto padding = static_cast<std::uint8_t>(zero);
    const bool with_bias = random.bernoulli(0.5), statistics = random.bernoulli(0.7);
    std::vector<std::int32_t> acc(static_cast<std::size_t>(g.output_size()));
    kernels::reference::conv2d_u8s8(g, c.x.data(), padding, c.w.data(), zero, acc.data());
    Guarded<float> expected(g.output_size()), y(g.output_size(), 3), mean(g.out_channels), var(g.out_channels),
        mean2(g.out_channels), var2(g.out_channels);
    for (std::int64_t i = 0; i < g.output_size(); ++i) {
      const std::int64_t o = i % g.out_channels;
      const float scaled = static_cast<float>(acc[static_cast<std::size_t>(i)]) * c.scale[o];
      expected[i] = with_bias ? scaled + c.bias[o] : scaled;
    }
    kernels::conv2d_u8s8_real(kernels::pack_conv2d(g, c.w.data(), zero, padding), g.batch, c.x.data(), c.scale.data(),
                              with_bias ? c.bias.data() : nullptr, {y.data()}, statistics ? mean.data() : nullptr,
                              statistics ? var.data() : nullptr);
    bool equal = true;  // one rounding of product and sum if the compiler fuses them, else two
    for (std::int64_t i = 0; i < y.size(); ++i)
      equal = equal && std::abs(y[i] - expected[i]) <= (with_bias ? 2e-7F * (std::abs(expected[i]) + 1) : 0.0F);
    CHECK_MESSAGE(equal, describe(g));
    if (!statistics) continue;
    kernels::batch_norm_statistics(g.output_size() / g.out_channels, g.out_channels, y.data(), mean2.data(),
                                   var2.data());
    for (std::int64_t o = 0; o < g.out_channels; ++o) {
      const double deviation = std::sqrt(double{var2[o]}) + std::abs(double{mean2[o]});
      CHECK_MESSAGE(std::abs(mean[o] - mean2[o]) <= 1e-6 * deviation, describe(g));
      CHECK_MESSAGE(std::abs(var[o] - var2[o]) <= 1e-5 * deviation * deviation, describe(g));
    }
  }
}

TEST_CASE("integer convolution to real numbers: statistics do not depend on the number of threads") {
  namespace kernels = bitgrain::kernels;
  bitgrain::RandomStream random(2, "real conv");
  const RealConvCase c(conv(70, 9, 9, 8, 20, 3, 1, 1), random);
  const auto packed = kernels::pack_conv2d(c.g, c.w.data());
  const auto results = at_threads([&] {
    std::vector<float> y(static_cast<std::size_t>(c.g.output_size())), moments(40);
    kernels::conv2d_u8s8_real(packed, c.g.batch, c.x.data(), c.scale.data(), nullptr, {y.data()}, moments.data(),
                              moments.data() + 20);
    return moments;
  });
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}

TEST_CASE("sums that fit 16 bits come out as they are, with the statistics of the numbers they stand for") {
  namespace kernels = bitgrain::kernels;
  bitgrain::RandomStream random(3, "real conv");
  for (int k = 0; k < 40; ++k) {
    RealConvCase c(random_conv(random), random);
    const auto& g = c.g;
    for (auto& v : c.x) v = static_cast<std::uint8_t>(v % 4);
    for (auto& v : c.w) v = static_cast<std::int8_t>(v % 4);
    const std::int64_t per_output = g.weight_size() / g.out_channels;
    REQUIRE(kernels::sums_fit_int16(g.out_channels, per_output, c.w.data(), 0, 3));
    std::vector<std::int32_t> acc(static_cast<std::size_t>(g.output_size()));
    kernels::reference::conv2d_u8s8(g, c.x.data(), 0, c.w.data(), 0, acc.data());
    std::vector<std::int16_t> sums(acc.size() + 1, 77);
    Guarded<float> y(g.output_size()), mean(g.out_channels), var(g.out_channels), mean2(g.out_channels),
        var2(g.out_channels);
    const auto packed = kernels::pack_conv2d(g, c.w.data());
    const auto run = [&](const kernels::RealOutput<float>& to, Guarded<float>& m, Guarded<float>& v) {
      kernels::conv2d_u8s8_real(packed, g.batch, c.x.data(), c.scale.data(), nullptr, to, m.data(), v.data());
    };
    run({nullptr, sums.data()}, mean, var);
    run({y.data()}, mean2, var2);
    CHECK_MESSAGE(std::equal(acc.begin(), acc.end(), sums.begin()), describe(g));
    CHECK(sums.back() == 77);
    // Where a product goes nowhere but into a sum, compilers may fuse the two: another rounding.
    for (std::int64_t o = 0; o < g.out_channels; ++o) {
      const double deviation = std::sqrt(double{var2[o]}) + std::abs(double{mean2[o]});
      CHECK(std::abs(mean[o] - mean2[o]) <= 1e-6 * deviation);
      CHECK(std::abs(var[o] - var2[o]) <= 1e-5 * deviation * deviation);
    }
  }
}

TEST_CASE("whether sums fit 16 bits is decided by the worst input, not by a sample") {
  using bitgrain::kernels::sums_fit_int16;
  const std::vector<std::int8_t> w{127, 1, 0, 0, -127, -2, 0, 0, 64, -64, 0, 0};  // three outputs
  CHECK(sums_fit_int16(1, 4, w.data(), 0, 255));                                  // 128 * 255 = 32640
  CHECK_FALSE(sums_fit_int16(2, 4, w.data(), 0, 255));                            // -129 * 255
  CHECK(sums_fit_int16(1, 4, w.data() + 8, -255, 255));                           // 64 * 255 + 64 * 255 = 32640
  CHECK_FALSE(sums_fit_int16(1, 4, w.data() + 8, -255, 258));
}
