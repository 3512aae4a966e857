#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "bitgrain/base/random.hpp"
#include "bitgrain/kernels/int8/requantize_lanes.hpp"

namespace {
using bitgrain::RandomStream;
namespace kernels = bitgrain::kernels;

// A tile of sums, every third one at a rounding edge of its codes, where an estimate is most likely to be wrong;
// pixels in order or not, next to each other or not. The bytes around the codes must stay as they are.
template <class Dot, bool Residual, int Pixels, int Blocks>
void try_tile(const kernels::Requantization& r, std::int64_t channel, bool in_order, RandomStream& random) {
  const std::int64_t stride = r.channels, channels = stride - channel;
  const auto spread = static_cast<std::int32_t>(in_order ? 1 : 2);
  std::int32_t number[Pixels];
  for (int p = 0; p < Pixels; ++p) number[p] = in_order ? 3 + p : 3 + spread * (Pixels - 1 - p);
  const auto size = static_cast<std::size_t>((3 + spread * Pixels) * stride);
  std::vector<std::uint8_t> residual(size), expected(size, 99), got(size, 99);
  for (auto& v : residual) v = static_cast<std::uint8_t>(random.below(256));
  std::int32_t sums[Pixels][Blocks][16] = {};
  for (int p = 0; p < Pixels; ++p)
    for (int b = 0; b < Blocks; ++b)
      for (std::int64_t l = 0; l < std::min<std::int64_t>(16, channels - b * 16); ++l) {
        const auto c = static_cast<std::size_t>(channel + b * 16 + l);
        const std::size_t at = static_cast<std::size_t>(number[p] * stride) + c;
        const double m = std::ldexp(r.multiplier[c], static_cast<int>(-r.shift[c]));
        const double x = std::ldexp(r.residual_multiplier[c], static_cast<int>(-r.shift[c])) * residual[at];
        const double bias = std::ldexp(static_cast<double>(r.bias[c]), static_cast<int>(-r.shift[c]));
        double code = random.uniform(-3, 260);
        if (random.below(3) == 0) code = std::floor(code);
        const double sum = m == 0 ? 0 : (code - bias - x) / m;
        std::int32_t& a = sums[p][b][l];
        a = static_cast<std::int32_t>(std::clamp(sum, -1e6, 1e6)) + static_cast<std::int32_t>(random.below(3)) - 1;
        expected[at] = r.code(c, a, Residual ? residual[at] : std::uint8_t{0});
      }
  const kernels::CodesOutput output{r, Residual ? residual.data() : nullptr, got.data()};
  const kernels::RequantizeTile<Dot, Blocks, Residual> tile(output, channel, channels);
  tile.put(sums[0][0], number, Pixels);
  CHECK_MESSAGE(got == expected, std::string(Dot::kName), " ", Pixels, " pixels, ", Blocks, " blocks, ", channels,
                " channels", Residual ? ", residual" : "");
  if (!in_order) return;
  // The same pixels from rows of sums, behind the last of which nothing can be read.
  const std::int64_t own = std::min<std::int64_t>(channels, Blocks * 16);
  std::vector<std::int32_t> rows(static_cast<std::size_t>((Pixels - 1) * stride + own), 1 << 20);
  for (int p = 0; p < Pixels; ++p)
    for (std::int64_t c = 0; c < own; ++c) rows[static_cast<std::size_t>(p * stride + c)] = sums[p][c / 16][c % 16];
  std::fill(got.begin(), got.end(), std::uint8_t{99});
  const auto first = static_cast<std::size_t>(3 * stride);
  kernels::RequantizeTile<Dot, Blocks, Residual>(
      {r, Residual ? residual.data() + first : nullptr, got.data() + first}, channel, channels)
      .put_rows(rows.data(), stride, Pixels);
  CHECK_MESSAGE(got == expected, std::string(Dot::kName), ", rows: ", Pixels, " pixels, ", Blocks, " blocks, ",
                channels, " channels", Residual ? ", residual" : "");
}

template <class Dot, int Pixels, int Blocks>
void try_channels(std::int64_t channels, int round, RandomStream& random) {
  const auto count = static_cast<std::size_t>(channels);
  std::vector<std::int32_t> m(count), x(count);
  std::vector<std::int64_t> b(count);
  std::vector<std::uint8_t> n(count);
  for (std::size_t c = 0; c < count; ++c) {
    n[c] = static_cast<std::uint8_t>(30 + random.below(17));
    // Steps from 2^-16 to 1 code per unit; powers of two put codes exactly on the edges.
    const double scale = std::ldexp(1 + random.uniform(), -static_cast<int>(random.below(16)) - 1);
    m[c] = static_cast<std::int32_t>(
        std::clamp(std::ldexp(round % 5 == 0 ? std::exp2(std::floor(std::log2(scale))) : scale, n[c]), 0.0, 2e9));
    if (random.bernoulli(0.3)) m[c] = -m[c];
    x[c] = static_cast<std::int32_t>(std::clamp(std::ldexp(random.uniform(), n[c] - 3), 0.0, 2e9));
    const double shift = round % 5 == 0 ? static_cast<double>(random.below(200)) : random.uniform(-500, 500);
    b[c] = static_cast<std::int64_t>(std::ldexp(shift, n[c]));
  }
  const bool signed_codes = round % 2 == 1;
  const int low = signed_codes ? -128 : 0, high = signed_codes ? 127 : round % 3 == 0 ? 15 : 255;
  // Above 2^24 the conversion of a sum to float is not exact.
  const std::int64_t bound = std::int64_t{1} << (round % 4 == 0 ? 26 : 21);
  const int offset = signed_codes ? 128 : 0;
  const std::int64_t first = channels > Blocks * 16 ? 16 : 0;
  for (const bool in_order : {false, true}) {
    try_tile<Dot, true, Pixels, Blocks>(kernels::make_requantization(m, x, b, n, low, high, offset, bound), first,
                                        in_order, random);
    try_tile<Dot, false, Pixels, Blocks>(kernels::make_requantization(m, {}, b, n, low, high, offset, bound), first,
                                         in_order, random);
  }
}

template <class Dot>
void check_primitive() {
  RandomStream random(1, "requantize");
  for (int round = 0; round < 40; ++round) {
    for (const std::int64_t channels : {1, 10, 16, 32}) {
      try_channels<Dot, 1, 1>(channels, round, random);
      try_channels<Dot, 2, 1>(channels, round, random);
      try_channels<Dot, 12, 1>(channels, round, random);
    }
    for (const std::int64_t channels : {17, 31, 32, 48}) {
      try_channels<Dot, 1, 2>(channels, round, random);
      try_channels<Dot, 4, 2>(channels, round, random);
      try_channels<Dot, 14, 2>(channels, round, random);
    }
  }
}
}  // namespace

TEST_CASE("the codes of a tile are those of the definition, also at rounding edges; only existing ones are written") {
  check_primitive<kernels::GenericDot>();
  check_primitive<kernels::BestDot>();
}

TEST_CASE("sums on both sides of every edge of every code, where constants are hardest to represent") {
  RandomStream random(2, "edges");
  for (int round = 0; round < 20; ++round) {
    const bool fine = round % 2 == 0;  // steps of 1e-5 codes, or coarse ones
    std::vector<std::int32_t> m(16);
    std::vector<std::int64_t> b(16);
    for (std::size_t c = 0; c < 16; ++c) {
      m[c] = static_cast<std::int32_t>((fine ? 1e-5 : 1e-2) * (1 + random.uniform()) * 0x1p40 / (fine ? 1 : 64));
      b[c] = static_cast<std::int64_t>(random.uniform(-300, 300) * 0x1p40 / (fine ? 1 : 64));
    }
    const auto r = kernels::make_requantization(m, {}, b, std::vector<std::uint8_t>(16, fine ? 40 : 34), 0, 255, 0,
                                                std::int64_t{1} << 26);
    REQUIRE(r.scale[0] > 0);
    for (std::int64_t code = -1; code <= 256; ++code) {
      std::int32_t sums[2][16], number[2] = {0, 1};
      std::uint8_t got[32];
      for (std::size_t c = 0; c < 16; ++c) {
        // The last sum below the edge, and the first one not below.
        const std::int64_t edge = (code << r.shift[c]) - b[c];
        sums[1][c] = static_cast<std::int32_t>((edge >= 0 ? edge + m[c] - 1 : edge) / m[c]);
        sums[0][c] = sums[1][c] - 1;
      }
      kernels::RequantizeTile<kernels::BestDot, 1, false>({r, nullptr, got}, 0, 16).put(sums[0], number, 2);
      for (std::size_t c = 0; c < 16; ++c) {
        CHECK(got[c] == std::clamp<std::int64_t>(code - 1, 0, 255));
        CHECK(got[16 + c] == std::clamp<std::int64_t>(code, 0, 255));
      }
    }
  }
}
