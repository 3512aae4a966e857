#include "bitgrain/base/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <vector>

using namespace bitgrain;

namespace {
struct Moments {
  double mean = 0, variance = 0, skew = 0, kurtosis = 0;
};
template <class Draw>
Moments moments(int count, Draw&& draw) {
  std::vector<double> x(static_cast<std::size_t>(count));
  Moments m;
  for (double& v : x) m.mean += (v = draw()) / count;
  for (const double v : x) m.variance += (v - m.mean) * (v - m.mean) / count;
  for (const double v : x) {
    const double z = (v - m.mean) / std::sqrt(m.variance);
    m.skew += z * z * z / count;
    m.kurtosis += z * z * z * z / count;
  }
  return m;
}
using Words = std::array<std::uint32_t, 4>;
}  // namespace

TEST_CASE("Philox4x32-10 gives the known answers published with Random123") {
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint32_t kOnes = 0xffffffff;
  CHECK(philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
  static_assert(philox4x32({0, 0, 0, 0}, {0, 0})[0] == 0x6627e8d5, "usable at compile time");
}

TEST_CASE("a stream is the Philox blocks of (index / 4, stream) under the seed as key") {
  const std::uint64_t seed = 0x299f31d0a4093822, stream = 0x0370734413198a2e;
  RandomStream random(seed, stream);
  const std::uint64_t block = 0x05a308d3243f6a88;
  const Words expected = philox4x32({0x243f6a88, 0x05a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0});
  for (std::uint64_t i = 0; i < 4; ++i) CHECK(random.bits_at(4 * block + i) == expected[i]);
  CHECK(random.position() == 0);
}

TEST_CASE("numbers depend on seed, stream and index alone: any order of calls, any resume") {
  RandomStream straight(7, "weights");
  std::vector<std::uint32_t> expected(101);
  for (auto& bits : expected) bits = straight.next_bits();
  CHECK(straight.position() == 101);
  const RandomStream jumping(7, "weights");
  for (std::uint64_t i = 101; i-- > 0;) CHECK(jumping.bits_at(i) == expected[i]);
  RandomStream resumed(7, "weights");
  resumed.set_position(57);
  for (std::size_t i = 57; i < 101; ++i) CHECK(resumed.next_bits() == expected[i]);
  RandomStream copy = resumed;
  CHECK(copy.next_bits() == resumed.next_bits());
}

TEST_CASE("other seeds and other names give other numbers") {
  std::set<std::uint32_t> seen;
  for (const std::uint64_t seed : {1u, 2u, 3u})
    for (const char* name : {"a", "b", "ab", "ba", "loader", "loader.1"})
      seen.insert(RandomStream(seed, name).bits_at(0));
  CHECK(seen.size() == 18);
  CHECK(RandomStream(5, "dropout").stream() == RandomStream::hash("dropout"));
  static_assert(RandomStream::hash("") == 0xCBF29CE484222325u && RandomStream::hash("a") == 0xAF63DC4C8601EC8Cu,
                "64-bit FNV-1a");
}

// Bounds below are five standard errors of the estimate, so a sound generator passes at any seed but one in a
// million.
TEST_CASE("uniform: inside (0,1), moments 1/2 and 1/12, and the given interval") {
  RandomStream random(11, "uniform");
  constexpr int kCount = 100000;
  double low = 1, high = 0;
  const Moments m = moments(kCount, [&] {
    const double u = random.uniform();
    low = std::min(low, u);
    high = std::max(high, u);
    return u;
  });
  CHECK(low > 0);
  CHECK(high < 1);
  CHECK(std::abs(m.mean - 0.5) < 5 * std::sqrt(1.0 / 12 / kCount));
  CHECK(std::abs(m.variance - 1.0 / 12) < 5 * std::sqrt(1.0 / 180 / kCount));
  for (int i = 0; i < 1000; ++i) {
    const double v = random.uniform(-3, 5);
    CHECK((v > -3 && v < 5));
  }
}

TEST_CASE("normal: mean 0, variance 1, skew 0, kurtosis 3; two numbers of the stream each") {
  RandomStream random(12, "normal");
  constexpr int kCount = 100000;
  const Moments m = moments(kCount, [&] { return random.normal(); });
  CHECK(random.position() == 2 * kCount);
  CHECK(std::abs(m.mean) < 5 / std::sqrt(kCount));
  CHECK(std::abs(m.variance - 1) < 5 * std::sqrt(2.0 / kCount));
  CHECK(std::abs(m.skew) < 5 * std::sqrt(6.0 / kCount));
  CHECK(std::abs(m.kurtosis - 3) < 5 * std::sqrt(24.0 / kCount));
}

TEST_CASE("Gumbel: mean is Euler's constant, variance pi^2/6, always finite") {
  RandomStream random(13, "gumbel");
  constexpr int kCount = 100000;
  bool finite = true;
  const Moments m = moments(kCount, [&] {
    const double g = random.gumbel();
    finite = finite && std::isfinite(g);
    return g;
  });
  const double variance = std::numbers::pi * std::numbers::pi / 6;
  CHECK(finite);
  CHECK(std::abs(m.mean - std::numbers::egamma) < 5 * std::sqrt(variance / kCount));
  CHECK(std::abs(m.variance - variance) < 5 * variance * std::sqrt(4.4 / kCount));  // kurtosis 5.4
}

TEST_CASE("Bernoulli: the share of ones, and certainty at 0 and 1") {
  RandomStream random(14, "bernoulli");
  constexpr int kCount = 100000;
  for (const double p : {0.0, 0.1, 0.5, 0.9, 1.0}) {
    int ones = 0;
    for (int i = 0; i < kCount; ++i) ones += random.bernoulli(p);
    CHECK(std::abs(ones - p * kCount) <= 5 * std::sqrt(p * (1 - p) * kCount));
  }
}

TEST_CASE("below: every value of the range equally often, never the bound") {
  RandomStream random(15, "below");
  constexpr int kCount = 70000;
  std::array<int, 7> hits{};
  for (int i = 0; i < kCount; ++i) ++hits.at(random.below(7));
  for (const int n : hits) CHECK(std::abs(n - kCount / 7.0) < 5 * std::sqrt(kCount * 6.0 / 49));
  CHECK(random.below(1) == 0);
}

TEST_CASE("permutation: each value once, for sizes 0, 1 and more") {
  RandomStream random(16, "permutation");
  for (const std::uint32_t count : {0u, 1u, 2u, 3u, 10u, 1000u}) {
    std::vector<std::uint32_t> order = random.permutation(count);
    REQUIRE(order.size() == count);
    std::sort(order.begin(), order.end());
    for (std::uint32_t i = 0; i < count; ++i) CHECK(order[i] == i);
  }
}

TEST_CASE("permutation: all 24 orders of four things equally often") {
  RandomStream random(17, "permutation");
  constexpr int kCount = 48000;
  std::array<int, 256> hits{};
  for (int i = 0; i < kCount; ++i) {
    const auto p = random.permutation(4);
    ++hits.at(p[0] * 64 + p[1] * 16 + p[2] * 4 + p[3]);
  }
  CHECK(std::count_if(hits.begin(), hits.end(), [](int n) { return n > 0; }) == 24);
  for (const int n : hits)
    if (n > 0) CHECK(std::abs(n - kCount / 24.0) < 5 * std::sqrt(kCount / 24.0));
}
