#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "bitgrain/base/random.hpp"
#include "bitgrain/kernels/int8/requantize_band.hpp"

namespace {
using bitgrain::RandomStream;
namespace kernels = bitgrain::kernels;

template <class Dot>
void check_bands(const kernels::Requantization& r, std::int64_t pixels, const std::vector<std::int32_t>& acc,
                 const std::vector<std::uint8_t>& residual, const std::vector<std::uint8_t>& expected) {
  std::vector<std::uint8_t> codes(expected.size(), 99);
  kernels::detail::requantize_band<Dot>(r, pixels, acc.data(), r.residual ? residual.data() : nullptr, codes.data());
  CHECK_MESSAGE(codes == expected, std::string(Dot::kName), ": ", pixels, " pixels, ", r.channels, " channels",
                r.residual ? ", residual" : "");
}
}  // namespace

// Arrays end where their contents end: what reads or writes beyond is for the sanitizers to see.
TEST_CASE("bands of any number of pixels and channels become the codes of the definition, with a residual or not") {
  RandomStream random(1, "bands");
  for (const std::int64_t channels : {1, 3, 15, 16, 17, 31, 32, 33, 47, 48, 49, 64, 65, 100})
    for (const std::int64_t pixels : {0, 1, 2, 3, 4, 5, 7, 64, 65}) {
      const auto count = static_cast<std::size_t>(channels), size = static_cast<std::size_t>(channels * pixels);
      std::vector<std::int32_t> multiplier(count), residual_multiplier(count), acc(size);
      std::vector<std::int64_t> bias(count);
      for (std::size_t c = 0; c < count; ++c) {
        multiplier[c] = static_cast<std::int32_t>(random.below(1u << 26)) - (1 << 25);
        residual_multiplier[c] = static_cast<std::int32_t>(random.below(1u << 30));
        bias[c] = static_cast<std::int64_t>(random.uniform(-100, 300) * 0x1p30);
      }
      for (auto& a : acc) a = static_cast<std::int32_t>(random.below(20001)) - 10000;
      std::vector<std::uint8_t> residual(size), expected(size);
      for (auto& x : residual) x = static_cast<std::uint8_t>(random.below(256));
      for (const bool with : {false, true}) {
        const auto r =
            kernels::make_requantization(multiplier, with ? residual_multiplier : std::vector<std::int32_t>{}, bias,
                                         std::vector<std::uint8_t>(count, 30), -90, 100, 128, 10000);
        for (std::size_t i = 0; i < size; ++i) expected[i] = r.code(i % count, acc[i], with ? residual[i] : 0);
        check_bands<kernels::GenericDot>(r, pixels, acc, residual, expected);
        check_bands<kernels::BestDot>(r, pixels, acc, residual, expected);
        std::vector<std::uint8_t> codes(size, 99);
        kernels::requantize_band(r, pixels, acc.data(), with ? residual.data() : nullptr, codes.data());
        CHECK(codes == expected);
      }
    }
}
