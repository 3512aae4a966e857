#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "bitgrain/base/random.hpp"
#include "bitgrain/kernels/bf16/pairs.hpp"

using namespace bitgrain;
using namespace bitgrain::kernels;

namespace {

float rounded(float v) { return Bf16Pair(v, 0).first(); }

template <class Arch>
void check_pairs(std::int64_t n) {
  const auto size = static_cast<std::size_t>(n);
  RandomStream random(n, "pairs");
  std::vector<float> first(size), second(size), both(2 * size);
  for (auto* v : {&first, &second, &both})
    for (float& x : *v) x = static_cast<float>(std::ldexp(random.uniform(-1, 1), static_cast<int>(random.below(40))));
  std::vector<Bf16Pair> pairs(size + 1, Bf16Pair(0, 0)), low(size), high(size), neighbours(size + 1, Bf16Pair(0, 0));
  pair_rows<Arch>(n, first.data(), second.data(), pairs.data());
  pair_rows<Arch>(n, first.data(), nullptr, low.data());
  pair_rows<Arch>(n, nullptr, second.data(), high.data());
  pair_neighbours(n, both.data(), neighbours.data());
  for (std::size_t i = 0; i < size; ++i) {
    CHECK(pairs[i].bits == Bf16Pair(first[i], second[i]).bits);
    CHECK(low[i].bits == Bf16Pair(first[i], 0).bits);
    CHECK(high[i].bits == Bf16Pair(0, second[i]).bits);
    CHECK(neighbours[i].bits == Bf16Pair(both[2 * i], both[2 * i + 1]).bits);
  }
  CHECK(pairs[size].bits == 0);  // nothing is written beyond
  CHECK(neighbours[size].bits == 0);
}

template <class Arch>
void check_bytes(std::int64_t n, std::int32_t zero) {
  const auto size = static_cast<std::size_t>(n);
  std::vector<std::uint8_t> first(size + 1), second(size + 1);
  for (std::size_t i = 0; i < size; ++i) {
    first[i + 1] = static_cast<std::uint8_t>(i * 37 + 255);
    second[i + 1] = static_cast<std::uint8_t>(i * 101);
  }
  std::vector<Bf16Pair> pairs(size + 1, Bf16Pair(0, 0)), low(size), high(size);
  pair_rows<Arch>(n, first.data() + 1, second.data() + 1, zero, pairs.data());
  pair_rows<Arch>(n, first.data() + 1, nullptr, zero, low.data());
  pair_rows<Arch>(n, nullptr, second.data() + 1, zero, high.data());
  for (std::size_t i = 0; i < size; ++i) {
    const auto a = static_cast<float>(first[i + 1] - zero), b = static_cast<float>(second[i + 1] - zero);
    CHECK(pairs[i].first() == a);
    CHECK(pairs[i].second() == b);
    CHECK(low[i].bits == Bf16Pair(a, 0).bits);
    CHECK(high[i].bits == Bf16Pair(0, b).bits);
  }
  CHECK(pairs[size].bits == 0);  // nothing is written beyond
}

template <class Arch>
void check_multiply_add() {
  constexpr std::int64_t kL = kLanes<float, Arch>;
  RandomStream random(8, "bf16");
  std::vector<Bf16Pair> a(kL + 1);
  for (Bf16Pair& pair : a)
    pair = Bf16Pair(static_cast<float>(random.uniform(-1, 1)), static_cast<float>(random.uniform(-1, 1)));
  const Bf16Pair b(0.3F, -1.7F);
  float got[kL];
  store_all(got, multiply_add(load_all<PairVec<Arch>>(a.data() + 1), PairVec<Arch>(b), Vec<float, Arch>(0.5F)));
  for (std::int64_t i = 0; i < kL; ++i) {
    const Bf16Pair& pair = a[static_cast<std::size_t>(i + 1)];
    const double low = double{pair.first()} * double{b.first()}, high = double{pair.second()} * double{b.second()};
    CHECK(std::abs(got[i] - (0.5 + low + high)) <= 2 * 0x1p-23 * (0.5 + std::abs(low) + std::abs(high)));
  }
}

}  // namespace

TEST_CASE("numbers are rounded to the nearest of 8 significant bits, ties to even") {
  CHECK(rounded(1.0F) == 1.0F);
  CHECK(rounded(-0.15625F) == -0.15625F);
  CHECK(rounded(1.0F + 0x1p-8F) == 1.0F);                // a tie: to even
  CHECK(rounded(1.0F + 3 * 0x1p-8F) == 1.0F + 0x1p-6F);  // a tie: to even, upwards
  CHECK(rounded(1.0F + 0x1.02p-8F) == 1.0F + 0x1p-7F);
  CHECK(rounded(255.0F) == 255.0F);  // every code of 8 bits is exact
  CHECK(rounded(-128.0F) == -128.0F);
  CHECK(rounded(0.0F) == 0.0F);
  CHECK(std::signbit(rounded(-0.0F)));
}

TEST_CASE("what is not a number stays so, and what is too large becomes infinite") {
  const float inf = std::numeric_limits<float>::infinity();
  CHECK(rounded(inf) == inf);
  CHECK(rounded(-inf) == -inf);
  CHECK(rounded(std::numeric_limits<float>::max()) == inf);
  const float hidden = std::bit_cast<float>(0x7f800001u);  // a NaN whose upper half is infinity's
  CHECK(std::isnan(rounded(hidden)));
  const std::vector<float> values(40, hidden);
  std::vector<Bf16Pair> rows(20), neighbours(20);
  pair_rows(20, values.data(), values.data(), rows.data());
  pair_neighbours(20, values.data(), neighbours.data());
  for (const auto& pairs : {rows, neighbours})
    for (const Bf16Pair& pair : pairs) {
      CHECK(std::isnan(pair.first()));
      CHECK(std::isnan(pair.second()));
    }
}

TEST_CASE("pairs are made alike at every length and on every architecture") {
  for (const std::int64_t n : {0, 1, 3, 15, 16, 17, 31, 64, 67}) {
    check_pairs<DefaultArch>(n);
    check_pairs<ScalarArch>(n);
  }
}

TEST_CASE("pairs of bytes are the exact numbers, whatever stands for zero") {
  for (const std::int64_t n : {0, 1, 3, 15, 16, 17, 31, 64, 67, 256})
    for (const std::int32_t zero : {0, 7, 128, 255}) {
      check_bytes<DefaultArch>(n, zero);
      check_bytes<ScalarArch>(n, zero);
    }
}

TEST_CASE("multiply_add sums two exact products, rounded as float sums are") {
  check_multiply_add<DefaultArch>();
  check_multiply_add<ScalarArch>();
}
