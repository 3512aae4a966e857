#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/base/random.hpp"
#include "bitgrain/kernels/int8/conv2d.hpp"
#include "bitgrain/kernels/reference/conv2d_int8.hpp"

namespace {
using bitgrain::ConvGeometry;
using bitgrain::RandomStream;
using bitgrain::Window2d;
namespace kernels = bitgrain::kernels;

std::string describe_int8(const ConvGeometry& g) {
  return bitgrain::detail::concat("batch ", g.batch, " in ", g.in_h, "x", g.in_w, "x", g.in_channels,
                                  " out channels ", g.out_channels, " groups ", g.groups, " kernel ",
                                  g.window.kernel_h, "x", g.window.kernel_w, " stride ", g.window.stride_h, "x",
                                  g.window.stride_w, " pad ", g.window.pad_h, "x", g.window.pad_w, " dilation ",
                                  g.window.dilation_h, "x", g.window.dilation_w);
}

// Runs one convolution through a primitive and the oracle; extreme bytes come often.
template <class Dot>
void compare(const ConvGeometry& g, std::int32_t input_offset, std::uint8_t padding, RandomStream& random) {
  std::vector<std::uint8_t> x(static_cast<std::size_t>(g.input_size()));
  std::vector<std::int8_t> w(static_cast<std::size_t>(g.weight_size()));
  for (auto& v : x) v = random.bernoulli(0.3) ? 255 : static_cast<std::uint8_t>(random.below(256));
  for (auto& v : w)
    v = static_cast<std::int8_t>(random.bernoulli(0.3) ? (random.bernoulli(0.5) ? -128 : 127)
                                                       : static_cast<int>(random.below(256)) - 128);
  std::vector<std::int32_t> expected(static_cast<std::size_t>(g.output_size())), got(expected.size(), -1);
  kernels::reference::conv2d_u8s8(g, x.data(), padding, w.data(), input_offset, expected.data());
  kernels::conv2d_u8s8<Dot>(g, x.data(), padding, w.data(), input_offset, got.data());
  CHECK_MESSAGE(got == expected, Dot::kName, ": ", describe_int8(g), " offset ", input_offset);
}

void compare_all(const ConvGeometry& g, std::int32_t input_offset, std::uint8_t padding, RandomStream& random) {
  compare<kernels::BestDot>(g, input_offset, padding, random);
  compare<kernels::GenericDot>(g, input_offset, padding, random);
#if defined(__SSE2__)
  compare<kernels::Sse2Dot>(g, input_offset, padding, random);
#endif
#if defined(__AVX2__)
  compare<kernels::Avx2Dot>(g, input_offset, padding, random);
#endif
}

std::int64_t pick(RandomStream& random, std::initializer_list<std::int64_t> from) {
  return from.begin()[random.below(static_cast<std::uint32_t>(from.size()))];
}
}  // namespace

TEST_CASE("the int8 convolution equals the oracle at every awkward number of channels") {
  RandomStream random(1, "channels");
  for (const std::int64_t in : {1, 2, 3, 4, 5, 7, 8, 16, 17, 33})
    for (const std::int64_t out : {1, 2, 10, 15, 16, 17, 31, 32, 33, 48, 65}) {
      ConvGeometry g{2, 5, 6, in, out, Window2d::square(3, 1, 1), 1};
      compare_all(g, 0, 0, random);
    }
}

TEST_CASE("the int8 convolution equals the oracle for random kernels, strides, padding, dilation and groups") {
  RandomStream random(2, "geometry");
  int done = 0;
  while (done < 250) {
    ConvGeometry g;
    g.batch = pick(random, {1, 2, 3, 9});
    g.in_h = pick(random, {1, 2, 5, 8, 11});
    g.in_w = pick(random, {1, 3, 7, 8, 13});
    g.groups = pick(random, {1, 1, 2, 3, 6});
    g.in_channels = g.groups * pick(random, {1, 1, 2, 4, 5, 9});
    g.out_channels = g.groups * pick(random, {1, 1, 2, 7, 16, 19});
    g.window = {pick(random, {1, 2, 3, 5}), pick(random, {1, 2, 3, 5}), pick(random, {1, 2, 3}),
                pick(random, {1, 2, 3}),    pick(random, {0, 1, 2}),    pick(random, {0, 1, 2}),
                pick(random, {1, 1, 2}),    pick(random, {1, 1, 3})};
    if (g.out_h() < 1 || g.out_w() < 1) continue;
    ++done;
    const bool is_signed = random.bernoulli(0.5);
    compare_all(g, is_signed ? 128 : 0, static_cast<std::uint8_t>(random.below(256)), random);
  }
}

TEST_CASE("a linear layer of many images, and bands longer than one, equal the oracle") {
  RandomStream random(3, "linear");
  for (const std::int64_t batch : {1, 7, 8, 63, 64, 65, 130})
    compare_all({batch, 1, 1, 20, 11, Window2d{}, 1}, 128, 128, random);
  compare_all({1, 40, 40, 3, 16, Window2d::square(3, 1, 1), 1}, 0, 7, random);
  compare_all({1, 3, 3, 2, 9000, Window2d::square(1), 1}, 0, 0, random);
}

TEST_CASE("the largest sum that the accumulator bound allows is exact, signed inputs included") {
  // 65793 * 255 * 128 = 2147483520 < 2^31; stored +128, the sum passes through values beyond int32 and comes back.
  const std::int64_t k = 65793;
  const ConvGeometry g{1, 1, 1, k, 2, Window2d{}, 1};
  std::vector<std::int8_t> w(static_cast<std::size_t>(2 * k), -128);
  std::fill(w.begin() + k, w.end(), std::int8_t{127});
  std::vector<std::int32_t> acc(2);
  const std::vector<std::uint8_t> ones(static_cast<std::size_t>(k), 255);
  kernels::conv2d_u8s8(g, ones.data(), 0, w.data(), 0, acc.data());
  CHECK(acc == std::vector<std::int32_t>{-2147483520, static_cast<std::int32_t>(k * 255 * 127)});
  kernels::conv2d_u8s8(g, ones.data(), 128, w.data(), 128, acc.data());
  CHECK(acc == std::vector<std::int32_t>{static_cast<std::int32_t>(-k * 127 * 128),
                                         static_cast<std::int32_t>(k * 127 * 127)});
}

TEST_CASE("codes are those of the sums, with and without a residual, for every primitive") {
  RandomStream random(5, "codes");
  const auto check = [&]<class Dot>(const Dot*, const ConvGeometry& g, bool residual, std::int32_t low,
                                    std::int32_t high, std::int32_t offset) {
    std::vector<std::uint8_t> x(static_cast<std::size_t>(g.input_size()));
    std::vector<std::int8_t> w(static_cast<std::size_t>(g.weight_size()));
    for (auto& v : x) v = static_cast<std::uint8_t>(random.below(256));
    for (auto& v : w) v = static_cast<std::int8_t>(static_cast<int>(random.below(256)) - 128);
    const auto channels = static_cast<std::size_t>(g.out_channels);
    std::vector<std::int32_t> m(channels), r;
    std::vector<std::int64_t> b(channels);
    std::vector<std::uint8_t> n(channels, 40);
    for (std::size_t c = 0; c < channels; ++c) {
      m[c] = static_cast<std::int32_t>(random.below(1u << 31)) - (1 << 30);
      b[c] = static_cast<std::int64_t>(100.3 * 0x1p40);
      if (residual) r.push_back(static_cast<std::int32_t>(random.below(1u << 31)));
    }
    const auto requantization = kernels::make_requantization(m, r, b, n, low, high, offset, 1 << 24);
    std::vector<std::int32_t> sums(static_cast<std::size_t>(g.output_size()));
    std::vector<std::uint8_t> got(sums.size()), expected(sums.size()), other(sums.size());
    for (auto& v : other) v = static_cast<std::uint8_t>(random.below(256));
    kernels::reference::conv2d_u8s8(g, x.data(), 128, w.data(), 128, sums.data());
    for (std::size_t i = 0; i < sums.size(); ++i) expected[i] = requantization.code(i % channels, sums[i], other[i]);
    kernels::conv2d_u8s8_codes<Dot>(kernels::pack_conv2d(g, w.data(), 128, 128), g.batch, x.data(), requantization,
                                    residual ? other.data() : nullptr, got.data());
    CHECK_MESSAGE(got == expected, Dot::kName, ": ", describe_int8(g));
  };
  for (const bool residual : {false, true})
    for (const ConvGeometry& g :
         {ConvGeometry{3, 9, 7, 8, 16, Window2d::square(3, 1, 1), 1},
          ConvGeometry{2, 6, 5, 3, 33, Window2d::square(3, 2, 1), 1},
          ConvGeometry{1, 5, 5, 12, 24, Window2d::square(5, 1, 2), 3},
          ConvGeometry{1, 7, 7, 6, 6, Window2d::square(3, 1, 1), 6}, ConvGeometry{37, 1, 1, 20, 50, Window2d{}, 1}}) {
      check(static_cast<const kernels::BestDot*>(nullptr), g, residual, 0, 255, 0);
      check(static_cast<const kernels::BestDot*>(nullptr), g, residual, -8, 7, 128);
      check(static_cast<const kernels::GenericDot*>(nullptr), g, residual, 0, 15, 0);
    }
}

TEST_CASE("the int8 convolution does not depend on the number of threads") {
  RandomStream random(4, "threads");
  const ConvGeometry g{40, 9, 9, 5, 21, Window2d::square(3, 2, 1), 1};
  std::vector<std::uint8_t> x(static_cast<std::size_t>(g.input_size()));
  std::vector<std::int8_t> w(static_cast<std::size_t>(g.weight_size()));
  for (auto& v : x) v = static_cast<std::uint8_t>(random.below(256));
  for (auto& v : w) v = static_cast<std::int8_t>(static_cast<int>(random.below(256)) - 128);
  std::vector<std::int32_t> one(static_cast<std::size_t>(g.output_size())), three(one.size());
  const int before = bitgrain::num_threads();
  bitgrain::set_num_threads(1);
  kernels::conv2d_u8s8(g, x.data(), 0, w.data(), 0, one.data());
  bitgrain::set_num_threads(3);
  kernels::conv2d_u8s8(g, x.data(), 0, w.data(), 0, three.data());
  bitgrain::set_num_threads(before);
  CHECK(one == three);
}

TEST_CASE("a convolution that does not exist is refused") {
  const std::int8_t w[9] = {};
  CHECK_THROWS_AS(kernels::pack_conv2d({1, 2, 2, 1, 1, Window2d::square(3), 1}, w), bitgrain::Error);
  CHECK_THROWS_AS(kernels::pack_conv2d({1, 4, 4, 3, 2, Window2d::square(1), 2}, w), bitgrain::Error);
}
