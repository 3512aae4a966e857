#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/kernels/bits/fields.hpp"
#include "bitgrain/kernels/bits/packed_fields.hpp"
#include "kernels/bits_case.hpp"

namespace {
namespace kernels = bitgrain::kernels;

// A group read by the layout that fields.hpp states, bit by bit.
int level_of(const std::vector<std::uint8_t>& group, int bits, int step, int at) {
  int level = 0, begin = 0, vectors = 0;
  for (const int part : {8, 4, 2, 1}) {
    if ((bits & part) == 0) continue;
    const std::uint8_t byte = group[static_cast<std::size_t>(64 * (vectors + step * part / 8) + at)];
    level |= (byte >> (step * part % 8) & ((1 << part) - 1)) << begin;
    begin += part;
    vectors += part;
  }
  return level;
}

template <class F, int kBits>
void check_group(const std::vector<std::uint8_t>& group, const std::vector<std::int8_t>& x) {
  kernels::detail::for_each_step([&]<int kStep>() {
    const auto levels = kernels::unpack_levels<F, kBits, kStep>(group.data());
    std::vector<std::uint8_t> bytes(64);
    F::store(bytes.data(), levels);
    typename F::Lanes lanes = {}, twice = {};
    F::template dot<kBits>(lanes, F::quad(x.data()), levels);
    F::add(twice, lanes);
    F::add(twice, lanes);
    std::vector<std::int32_t> sums(16), doubled(16);
    F::store(sums.data(), lanes);
    F::store(doubled.data(), twice);
    bool right = true;
    for (int l = 0; l < 16; ++l) {
      std::int32_t sum = 0;
      for (int i = 0; i < 4; ++i) {
        const int level = level_of(group, kBits, kStep, 4 * l + i);
        right = right && bytes[static_cast<std::size_t>(4 * l + i)] == level;
        sum += x[static_cast<std::size_t>(i)] * level;
      }
      right = right && sums[static_cast<std::size_t>(l)] == sum && doubled[static_cast<std::size_t>(l)] == 2 * sum;
    }
    CHECK_MESSAGE(right, F::kName, ": ", kBits, " bits, step ", kStep);
  });
}

template <class F>
void check_all(bool largest) {
  bitgrain::RandomStream random(1, "fields");
  for (int bits = 1; bits <= 8; ++bits) {
    std::vector<std::uint8_t> group(static_cast<std::size_t>(64 * bits), 0xFF);
    std::vector<std::int8_t> x(4, -128);
    if (!largest) {
      for (auto& byte : group) byte = static_cast<std::uint8_t>(random.below(256));
      for (auto& v : x) v = static_cast<std::int8_t>(static_cast<int>(random.below(256)) - 128);
    }
    kernels::detail::with_bits(bits, [&]<int kBits>() { check_group<F, kBits>(group, x); });
  }
}
}  // namespace

TEST_CASE("every field primitive unpacks the stated layout and multiplies exactly, the largest products included") {
  for (const bool largest : {false, true}) {
    check_all<kernels::GenericFields>(largest);
    check_all<kernels::BestFields>(largest);
#if defined(__AVX2__)
    check_all<kernels::Avx2Fields>(largest);
#endif
  }
}
