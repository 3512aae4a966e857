#include "bitgrain/deploy/thresholds.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "bitgrain/base/random.hpp"
#include "bitgrain/deploy/requantize.hpp"

namespace {
using namespace bitgrain::deploy;

std::int32_t shifted(const RequantizeOp& op, std::size_t c, std::int64_t a) {
  return static_cast<std::int32_t>(
      std::clamp<std::int64_t>((a * op.terms[0].multiplier[c] + op.bias[c]) >> op.shift[c], op.low, op.high));
}
}  // namespace

TEST_CASE(
    "thresholds give the codes of the requantization, at and beside every threshold, negative multipliers too") {
  bitgrain::RandomStream random(1, "thresholds");
  for (int round = 0; round < 300; ++round) {
    const int bits = 1 + static_cast<int>(random.below(8));
    const bool is_signed = random.bernoulli(0.3);
    const std::int32_t low = is_signed ? -(1 << (bits - 1)) : 0, high = low + (1 << bits) - 1;
    const double scale = random.bernoulli(0.1) ? 0.0 : random.normal() * std::exp2(random.uniform(-16.0, 3.0));
    const RequantizeOp op = make_requantize("layer", 1, {{0, {scale, -scale}, 1 << 24}},
                                            {random.normal() * 10, random.normal() * 10}, low, high);
    const auto channels = make_thresholds(op);
    REQUIRE(channels.size() == 2);
    for (std::size_t c = 0; c < 2; ++c) {
      CHECK(channels[c].threshold.size() == static_cast<std::size_t>(high - low));
      bool same = true;
      for (const std::int64_t t : channels[c].threshold) {
        if (t < -(1 << 24) || t > (1 << 24)) continue;  // no accumulator gets there
        for (std::int64_t a = t - 2; a <= t + 2; ++a) same = same && channels[c].code(a, low) == shifted(op, c, a);
      }
      for (int i = 0; i < 200; ++i) {
        const auto a = static_cast<std::int64_t>(random.below(1 << 25)) - (1 << 24);
        same = same && channels[c].code(a, low) == shifted(op, c, a);
      }
      CHECK_MESSAGE(same, "scale ", scale, " bits ", bits, " channel ", c);
    }
  }
}

TEST_CASE("thresholds need a single term and few codes") {
  const RequantizeOp two = make_requantize("layer", 2, {{0, {1.0}, 1}, {1, {1.0}, 1}}, {0.0}, 0, 3);
  CHECK_THROWS_AS(make_thresholds(two), bitgrain::Error);
  const RequantizeOp logits = make_requantize("layer", 2, {{0, {1.0}, 1}}, {0.0}, INT32_MIN, INT32_MAX);
  CHECK_THROWS_AS(make_thresholds(logits), bitgrain::Error);
}
