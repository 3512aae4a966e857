#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/kernels/bits/popcount.hpp"
#include "kernels/bits_case.hpp"

namespace {
namespace kernels = bitgrain::kernels;

// Calls check(Bits{}) for every primitive that this machine has.
template <class Check>
void for_each_bits(Check&& check) {
  check(kernels::GenericBits{});
  check(kernels::BestBits{});
#if defined(__AVX2__)
  check(kernels::Avx2Bits{});
#endif
}

int ones(std::uint32_t v) {
  int count = 0;
  for (int i = 0; i < 32; ++i) count += static_cast<int>(v >> i & 1);
  return count;
}
}  // namespace

TEST_CASE("every popcount primitive counts (x ^ sign) & mask, multiplies, shifts and adds modulo 2^32") {
  bitgrain::RandomStream random(1, "popcount");
  for (int round = 0; round < 100; ++round) {
    // 16 words of signs, 16 of masks, an input word, an input mask; sometimes all ones, to reach the largest counts
    std::vector<std::uint32_t> words(34);
    for (auto& w : words) w = round % 5 == 0 ? 0u : random.next_bits();
    if (round % 5 == 0) std::fill(words.begin() + 16, words.end(), ~0u);
    std::vector<std::int32_t> start(16);
    for (auto& s : start) s = static_cast<std::int32_t>(random.next_bits());
    const auto all = static_cast<std::int32_t>(random.next_bits());
    const int shift = round % 3;
    std::vector<std::int32_t> expected;
    for (std::size_t l = 0; l < 16; ++l) {
      // twice with the mask of the weights, times -2, once with the mask of the input, without mask, without sign
      const std::int64_t sum = -4 * ones((words[32] ^ words[l]) & words[16 + l]) +
                               ones((words[32] ^ words[l]) & words[33]) + ones(words[32] ^ words[l]) +
                               ones(words[32] & words[16 + l]);
      expected.push_back(static_cast<std::int32_t>(static_cast<std::uint32_t>(sum * (1 << shift)) +
                                                   static_cast<std::uint32_t>(start[l]) +
                                                   static_cast<std::uint32_t>(all)));
    }
    for_each_bits([&](auto primitive) {
      using Bits = decltype(primitive);
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(words.data());
      typename Bits::Lanes lanes = {};
      const auto sign = Bits::block(bytes), mask = Bits::block(bytes + 64);
      const auto x = Bits::word(bytes + 128), x_mask = Bits::word(bytes + 132);
      Bits::count(lanes, x, sign, mask);
      Bits::count(lanes, x, sign, mask);
      Bits::multiply(lanes, -2);
      Bits::count_within(lanes, x, x_mask, sign);
      Bits::count_differing(lanes, x, sign);
      Bits::count_common(lanes, x, mask);
      std::vector<std::int32_t> got(16);
      Bits::store(got.data(), lanes, shift, start.data(), all);
      CHECK_MESSAGE(got == expected, Bits::kName);
    });
  }
}

TEST_CASE("every primitive splits codes into planes at any length and place, and writes nothing beyond") {
  bitgrain::RandomStream random(2, "split");
  for (const std::int64_t count : {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 61, 63, 64, 65, 127, 128, 129, 200})
    for (int bits = 1; bits <= 8; ++bits)
      for (const int shift : {0, 1}) {
        if (bits + shift > 8) continue;
        const int lowest = static_cast<int>(random.below(static_cast<std::uint32_t>(257 - (1 << (bits + shift)))));
        const auto place = static_cast<std::size_t>(random.below(5));
        auto codes = bits_case::random_codes<std::uint8_t>({lowest, 1 << shift, bits}, count + 5, random);
        for_each_bits([&](auto primitive) {
          using Bits = decltype(primitive);
          const auto size = static_cast<std::size_t>((count + 7) / 8);
          std::vector<std::vector<std::uint8_t>> planes(8, std::vector<std::uint8_t>(size + 1, 0xA5));
          std::uint8_t* to[8];
          for (std::size_t j = 0; j < 8; ++j) to[j] = planes[j].data();
          Bits::split(codes.data() + place, count, static_cast<std::uint8_t>(lowest), shift, bits, to);
          bool right = true;
          for (int j = 0; j < bits; ++j) {
            const auto& plane = planes[static_cast<std::size_t>(j)];
            for (std::size_t i = 0; i < 8 * size; ++i) {
              const bool exists = static_cast<std::int64_t>(i) < count;
              const int level = exists ? (codes[place + i] - lowest) >> shift : 0;
              right = right && (plane[i / 8] >> (i % 8) & 1) == (level >> j & 1);
            }
            right = right && plane[size] == 0xA5;
          }
          CHECK_MESSAGE(right, Bits::kName, ": ", count, " codes of ", bits, " bits from ", lowest, " shift ", shift);
        });
      }
}
