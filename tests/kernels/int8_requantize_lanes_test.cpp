#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <string>

#include "bitgrain/base/random.hpp"
#include "bitgrain/kernels/int8/requantize_lanes.hpp"

namespace {
using bitgrain::RandomStream;
namespace kernels = bitgrain::kernels;

struct Outcome {
  bool exact = true;   // put_exact gives the codes of the definition
  bool honest = true;  // so does put, wherever it is certain
  double certain = 0;  // share of calls
};

// Sums around every rounding edge of the codes, where an estimate is most likely to be wrong.
template <class Dot, bool Residual>
Outcome try_edges(const kernels::Requantization& r, RandomStream& random) {
  Outcome outcome;
  int calls = 0, certain = 0;
  for (int code = -3; code < 260; ++code)
    for (int distance = -2; distance <= 2; ++distance) {
      std::int32_t sums[16];
      std::uint8_t residual[16], expected[16], got[16];
      for (std::size_t c = 0; c < 16; ++c) {
        residual[c] = Residual ? static_cast<std::uint8_t>(random.below(256)) : std::uint8_t{0};
        const double m = std::ldexp(r.multiplier[c], static_cast<int>(-r.shift[c]));
        const double x = std::ldexp(r.residual_multiplier[c], static_cast<int>(-r.shift[c])) * residual[c];
        const double b = std::ldexp(static_cast<double>(r.bias[c]), static_cast<int>(-r.shift[c]));
        const double sum = m == 0 ? 0 : (code - b - x) / m;
        sums[c] = static_cast<std::int32_t>(std::clamp(sum, -1e6, 1e6)) + distance;
        expected[c] = r.code(c, sums[c], residual[c]);
      }
      const auto lanes = Dot::load(sums);
      kernels::RequantizeLanes<Dot, Residual> requantize(r, 0);
      requantize.put(lanes, residual, got);
      ++calls;
      if (requantize.certain()) {
        ++certain;
        outcome.honest = outcome.honest && std::memcmp(got, expected, 16) == 0;
      }
      requantize.put_exact(lanes, residual, got);
      outcome.exact = outcome.exact && std::memcmp(got, expected, 16) == 0;
    }
  outcome.certain = static_cast<double>(certain) / calls;
  return outcome;
}

template <class Dot>
void check_primitive() {
  INFO(std::string(Dot::kName));
  RandomStream random(1, "requantize");
  double certain = 0;
  for (int round = 0; round < 60; ++round) {
    std::vector<std::int32_t> m(16), x(16);
    std::vector<std::int64_t> b(16);
    std::vector<std::uint8_t> n(16);
    for (std::size_t c = 0; c < 16; ++c) {
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
    const auto range = signed_codes ? std::pair{-128, 127} : std::pair{0, round % 3 == 0 ? 15 : 255};
    const auto with =
        kernels::make_requantization(m, x, b, n, range.first, range.second, signed_codes ? 128 : 0, 1 << 21);
    const auto without =
        kernels::make_requantization(m, {}, b, n, range.first, range.second, signed_codes ? 128 : 0, 1 << 21);
    CHECK(with.estimates);
    const Outcome a = try_edges<Dot, true>(with, random), c = try_edges<Dot, false>(without, random);
    CHECK(a.exact);
    CHECK(a.honest);
    CHECK(c.exact);
    CHECK(c.honest);
    certain += c.certain / 60;
  }
  CHECK(certain > 0.05);  // else nothing was tried
}
}  // namespace

TEST_CASE("sixteen codes at every rounding edge: exact when asked, and never wrong when certain") {
  check_primitive<kernels::GenericDot>();
  check_primitive<kernels::BestDot>();
}
