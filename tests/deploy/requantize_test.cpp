#include "bitgrain/deploy/requantize.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

#include "bitgrain/base/random.hpp"

namespace {
using bitgrain::Error;
using bitgrain::RandomStream;
using namespace bitgrain::deploy;

// Plain multi-word integers: exact and independent of the double arithmetic under test.
__extension__ typedef __int128 Wide;

Wide floor_shift(Wide v, int n) { return v >> n; }

// v = mantissa * 2^exponent exactly.
struct Exact {
  std::int64_t mantissa;
  int exponent;
};
Exact split(double v) {
  int exponent = 0;
  const double fraction = std::frexp(v, &exponent);
  return {static_cast<std::int64_t>(std::ldexp(fraction, 53)), exponent - 53};
}

// floor(v * 2^n + half / 2) from the bits of v.
Wide floor_of(double v, int n, bool half) {
  const Exact exact = split(v);
  int exponent = exact.exponent + n;
  Wide mantissa = exact.mantissa;
  if (exponent < -100) {  // far below one half
    mantissa = mantissa < 0 ? -1 : (mantissa > 0 ? 1 : 0);
    exponent = -10;
  }
  if (exponent >= 0) return mantissa * (Wide{1} << exponent);
  // (m + half * 2^(-e - 1)) >> -e
  return floor_shift(mantissa + (half ? Wide{1} << (-exponent - 1) : Wide{0}), -exponent);
}

std::int32_t apply(const RequantizeOp& op, std::size_t c, const std::vector<std::int64_t>& values) {
  Wide sum = op.bias[c];
  for (std::size_t t = 0; t < values.size(); ++t) sum += Wide{op.terms[t].multiplier[c]} * values[t];
  const Wide q = floor_shift(sum, op.shift[c]);
  return static_cast<std::int32_t>(q < op.low ? op.low : q > op.high ? op.high : q);
}

double random_scale(RandomStream& random) {
  const double v = random.normal() * std::exp2(random.uniform(-40.0, 4.0));
  return random.bernoulli(0.1) ? 0.0 : v;
}

std::string message_of(const std::vector<ScaledTerm>& terms, const std::vector<double>& shift) {
  try {
    make_requantize("conv7", 1, terms, shift, 0, 255);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}
}  // namespace

TEST_CASE("M is the nearest integer and B the floor of the exact products") {
  RandomStream random(1, "constants");
  for (int round = 0; round < 3000; ++round) {
    const int n = static_cast<int>(random.below(47));
    const double v = random.normal() * std::exp2(random.uniform(-60.0, 58.0 - n));
    CHECK(Wide{nearest_scaled(v, n)} == floor_of(v, n, true));
    if (n > 0) CHECK(Wide{half_up_scaled(v, n)} == floor_of(v, n, false) + (Wide{1} << (n - 1)));
  }
  CHECK(nearest_scaled(0.49999999999999994, 0) == 0);  // v + 0.5 rounds to 1 in double
  CHECK(nearest_scaled(0.5, 0) == 1);
  CHECK(nearest_scaled(-0.5, 0) == 0);
  CHECK(nearest_scaled(-1.5, 0) == -1);
  CHECK(nearest_scaled(4503599627370497.5, 0) == 4503599627370498);
  CHECK(half_up_scaled(0.0, 0) == 0);
  CHECK(half_up_scaled(0.49999999999999994, 0) == 0);
  CHECK(half_up_scaled(1e-300, 46) == std::int64_t{1} << 45);
  CHECK(half_up_scaled(-1e-300, 46) == (std::int64_t{1} << 45) - 1);
}

TEST_CASE("the shift is the largest that fits") {
  RandomStream random(2, "shift");
  const auto fits = [](const std::vector<ScaledTerm>& terms, double shift, int n) {
    Wide worst = 0;
    for (const ScaledTerm& term : terms) {
      const Wide m = floor_of(term.scale[0], n, true);
      if (m >= (Wide{1} << 31) || m <= -(Wide{1} << 31)) return false;
      worst += (m < 0 ? -m : m) * term.bound;
    }
    const Wide b = n == 0 ? floor_of(shift, 0, true) : floor_of(shift, n, false) + (Wide{1} << (n - 1));
    const Wide magnitude = b < 0 ? -b : b;
    return magnitude < (Wide{1} << 61) && worst + magnitude < (Wide{1} << 63);
  };
  for (int round = 0; round < 1000; ++round) {
    std::vector<ScaledTerm> terms(1 + random.below(3));
    for (auto& term : terms) {
      term.bound = static_cast<std::int64_t>(std::exp2(random.uniform(0.0, 31.0)));
      term.scale = {random_scale(random)};
    }
    if (round % 4 == 0)  // the sum decides: three times nearly 2^31 * 2^31
      for (auto& term : terms) term = {0, {random.uniform(1.7, 1.99)}, INT32_MAX};
    const double shift = random.normal() * std::exp2(random.uniform(-20.0, 20.0));
    const RequantizeOp op = make_requantize("layer", 1, terms, {shift}, 0, 255);
    const int n = op.shift[0];
    CHECK(fits(terms, shift, n));
    if (n < kMaxShift) CHECK_FALSE(fits(terms, shift, n + 1));
  }
}

TEST_CASE("codes equal the rounded exact value of sum (M / 2^n) value + shift, half up") {
  RandomStream random(3, "codes");
  for (int round = 0; round < 3000; ++round) {
    // Dyadic scales are held exactly by M, so the rational value is the real one and ties really occur.
    const int digits = static_cast<int>(random.below(12));
    const double scale = std::ldexp(static_cast<double>(random.below(2000)) - 1000, -digits);
    const double residual = std::ldexp(static_cast<double>(random.below(64)), -digits);
    const double shift = std::ldexp(static_cast<double>(random.below(100000)) - 50000, -digits);
    const RequantizeOp op =
        make_requantize("layer", 2, {{0, {scale}, 1 << 20}, {1, {residual}, 255}}, {shift}, -1000000, 1000000);
    const auto a = static_cast<std::int64_t>(random.below(2001)) - 1000,
               x = static_cast<std::int64_t>(random.below(256));
    const Wide numerator = (floor_of(scale, digits, false) * a + floor_of(residual, digits, false) * x +
                            floor_of(shift, digits, false)) *
                               2 +
                           (Wide{1} << digits);
    const Wide expected = floor_shift(numerator, digits + 1);
    CHECK(apply(op, 0, {a, x}) == static_cast<std::int32_t>(expected < -1000000  ? -1000000
                                                            : expected > 1000000 ? 1000000
                                                                                 : expected));
  }
}

TEST_CASE("random scales: the code is within one of the real value's, and equal away from ties") {
  RandomStream random(4, "close");
  for (int round = 0; round < 2000; ++round) {
    const double scale = random.normal() * 1e-3, shift = random.normal() * 20;
    const RequantizeOp op = make_requantize("layer", 1, {{0, {scale}, 1 << 18}}, {shift}, 0, 255);
    const auto a = static_cast<std::int64_t>(random.below(1 << 18)) - (1 << 17);
    const long double real =
        static_cast<long double>(scale) * static_cast<long double>(a) + static_cast<long double>(shift);
    const long double rounded = std::floor(real + 0.5L);
    if (std::abs(real + 0.5L - std::nearbyint(real + 0.5L)) < 1e-6L) continue;
    CHECK(apply(op, 0, {a}) == static_cast<std::int32_t>(rounded < 0 ? 0 : rounded > 255 ? 255 : rounded));
  }
}

TEST_CASE("every build derives the same constants: their hash under all compilers and flags") {
  RandomStream random(5, "builds");
  const auto number = [&](int smallest) {  // from integers alone: libm may differ in the last bit
    const auto mantissa =
        static_cast<std::int64_t>((std::uint64_t{random.next_bits()} << 21) | random.below(1 << 21));
    const double v = std::ldexp(static_cast<double>(mantissa), smallest - static_cast<int>(random.below(30)) - 53);
    return random.below(2) == 0 ? v : -v;
  };
  std::uint64_t hash = 0xCBF29CE484222325u;
  const auto mix = [&](std::int64_t v) { hash = (hash ^ static_cast<std::uint64_t>(v)) * 0x100000001B3u; };
  for (int round = 0; round < 1000; ++round) {
    const double first = number(8), second = number(4), shift = number(20);
    const RequantizeOp op = make_requantize("layer", 2, {{0, {first}, 1 << 24}, {1, {second}, 255}}, {shift}, 0, 255);
    mix(op.shift[0]);
    mix(op.bias[0]);
    for (const Term& term : op.terms) mix(term.multiplier[0]);
  }
  CHECK(hash == 8435839262911095211u);
}

TEST_CASE("ties at exact halves go up, for identity, negative and zero multipliers") {
  for (int code = -8; code < 8; ++code) {
    const RequantizeOp up = make_requantize("layer", 1, {{0, {0.5}, 100}}, {0.0}, -100, 100);
    CHECK(apply(up, 0, {2 * code + 1}) == code + 1);
    const RequantizeOp down = make_requantize("layer", 1, {{0, {-0.5}, 100}}, {0.0}, -100, 100);
    CHECK(apply(down, 0, {2 * code + 1}) == -code);
    const RequantizeOp nothing = make_requantize("layer", 1, {{0, {0.0}, 100}}, {code + 0.5}, -100, 100);
    CHECK(apply(nothing, 0, {77}) == code + 1);
    CHECK(nothing.terms[0].multiplier[0] == 0);
    // Multipliers so large that n = 0: nothing is left of the half, and whole numbers stay whole.
    const RequantizeOp logits = make_requantize("layer", 1, {{0, {1610612736.0}, 1}}, {0.0}, INT32_MIN, INT32_MAX);
    CHECK(logits.shift[0] == 0);
    CHECK(logits.bias[0] == 0);
  }
}

TEST_CASE("one scale serves all channels, and each channel has its own shift") {
  const RequantizeOp op = make_requantize("pool", 3, {{2, {0.25}, 1 << 14}}, {0.0, 1e12, -3.0}, 0, 15);
  CHECK(op.terms[0].value == 2);
  CHECK(op.output == 3);
  REQUIRE(op.terms[0].multiplier.size() == 3);
  CHECK(op.shift[0] > op.shift[1]);
  CHECK(apply(op, 0, {10}) == 3);
  CHECK(apply(op, 2, {30}) == 5);
}

TEST_CASE("constants that do not fit or are not finite name the layer and the channel") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  CHECK(message_of({{0, {1.0, nan}, 1}}, {0.0, 0.0}).find("'conv7', channel 1") != std::string::npos);
  CHECK(message_of({{0, {1.0, 1.0}, 1}}, {0.0, inf}).find("'conv7', channel 1") != std::string::npos);
  CHECK(message_of({{0, {0x1p31}, 1}}, {0.0}).find("do not fit") != std::string::npos);
  CHECK(message_of({{0, {1e300}, 1}}, {0.0}).find("do not fit") != std::string::npos);
  CHECK(message_of({{0, {1.0}, 1}}, {0x1p61}).find("do not fit") != std::string::npos);
  CHECK(message_of({{0, {0x1p30}, INT64_MAX}}, {0.0}).find("do not fit") != std::string::npos);
  CHECK(message_of({{0, {1.0, 2.0}, 1}}, {0.0}).find("2 scales for 1 channels") != std::string::npos);
  CHECK(message_of({}, {0.0}).find("at least one term") != std::string::npos);
  CHECK(message_of({{0, {0x1p30}, 1 << 30}}, {0.0}) == "");
}
