#include "bitgrain/kernels/bf16.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "bitgrain/base/random.hpp"

using namespace bitgrain;
using namespace bitgrain::kernels;

namespace {
template <class Arch>
void check_pairs(std::int64_t n) {
  CAPTURE(n);
  RandomStream random(7, "bf16");
  const auto size = static_cast<std::size_t>(n);
  std::vector<float> first(size), second(size);
  for (auto* v : {&first, &second})
    for (float& x : *v) x = static_cast<float>(std::ldexp(random.uniform(-1, 1), static_cast<int>(random.below(40))));
  std::vector<Bf16Pair> pairs(size + 1, Bf16Pair(0, 0)), alone(size + 1);
  make_pairs<Arch>(n, first.data(), second.data(), pairs.data());
  make_pairs<Arch>(n, first.data(), nullptr, alone.data());
  for (std::size_t i = 0; i < size; ++i) {
    CHECK(pairs[i].bits == Bf16Pair(first[i], second[i]).bits);
    CHECK(alone[i].bits == Bf16Pair(first[i], 0).bits);
  }
  CHECK(pairs[size].bits == 0);  // nothing is written beyond
}

template <class Arch>
void check_dot_add() {
  constexpr std::int64_t kL = kLanes<float, Arch>;
  RandomStream random(8, "bf16");
  std::vector<Bf16Pair> a(kL + 1), b(1);
  for (Bf16Pair& pair : a)
    pair = Bf16Pair(static_cast<float>(random.uniform(-1, 1)), static_cast<float>(random.uniform(-1, 1)));
  b[0] = Bf16Pair(0.3F, -1.7F);
  float got[kL];
  store_all(got,
            dot_add<Arch>(load_pairs<Arch>(a.data() + 1), broadcast_pair<Arch>(b.data()), Vec<float, Arch>(0.5F)));
  for (std::int64_t i = 0; i < kL; ++i) {
    const Bf16Pair& pair = a[static_cast<std::size_t>(i + 1)];
    const double low = double{pair.first()} * double{b[0].first()},
                 high = double{pair.second()} * double{b[0].second()};
    CHECK(std::abs(got[i] - (0.5 + low + high)) <= 2 * 0x1p-23 * (0.5 + std::abs(low) + std::abs(high)));
  }
}
}  // namespace

TEST_CASE("to_bf16 rounds to the nearest of 8 significant bits, ties to even") {
  CHECK(from_bf16(to_bf16(1.0F)) == 1.0F);
  CHECK(from_bf16(to_bf16(-0.15625F)) == -0.15625F);
  CHECK(from_bf16(to_bf16(1.0F + 0x1p-8F)) == 1.0F);                // a tie: to even
  CHECK(from_bf16(to_bf16(1.0F + 3 * 0x1p-8F)) == 1.0F + 0x1p-6F);  // a tie: to even, upwards
  CHECK(from_bf16(to_bf16(1.0F + 0x1.02p-8F)) == 1.0F + 0x1p-7F);
  CHECK(from_bf16(to_bf16(255.0F)) == 255.0F);  // every code of 8 bits is exact
  CHECK(from_bf16(to_bf16(-128.0F)) == -128.0F);
  CHECK(from_bf16(to_bf16(0.0F)) == 0.0F);
  CHECK(std::signbit(from_bf16(to_bf16(-0.0F))));
}

TEST_CASE("what is not a number stays so, and what is too large becomes infinite") {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(from_bf16(to_bf16(inf)) == inf);
  CHECK(from_bf16(to_bf16(-inf)) == -inf);
  CHECK(std::isnan(from_bf16(to_bf16(nan))));
  CHECK(from_bf16(to_bf16(std::numeric_limits<float>::max())) == inf);
  const float hidden = std::bit_cast<float>(0x7f800001u);  // a NaN whose upper half is infinity's
  CHECK(std::isnan(from_bf16(to_bf16(hidden))));
  const std::vector<float> values(20, hidden);
  std::vector<Bf16Pair> pairs(20);
  make_pairs(20, values.data(), values.data(), pairs.data());
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

TEST_CASE("dot_add sums two exact products, rounded as float sums are") {
  check_dot_add<DefaultArch>();
  check_dot_add<ScalarArch>();
}
