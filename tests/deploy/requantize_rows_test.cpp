#include "bitgrain/deploy/requantize_rows.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "bitgrain/base/random.hpp"
#include "bitgrain/deploy/requantize.hpp"

namespace {
using namespace bitgrain;
using namespace bitgrain::deploy;

Value of(ValueType type, std::int64_t channels) {
  return {"v", 1, 1, channels, type, type == ValueType::kS32 ? 32 : 8, 1.0, 0};
}
}  // namespace

TEST_CASE("rows equal the definition, for every number of channels and pixels, all kinds of terms and outputs") {
  RandomStream random(1, "rows");
  for (const std::int64_t channels : {1, 3, 16, 63, 64, 65, 255, 256, 300})
    for (const std::int64_t pixels : {1, 2, 17, 70}) {
      const auto kind = [&] {
        constexpr ValueType kTypes[] = {ValueType::kU8, ValueType::kS8, ValueType::kS32};
        return of(kTypes[random.below(3)], channels);
      };
      IntegerNetwork net;
      net.values = {of(ValueType::kS32, channels), kind(), kind(), kind()};
      const Value& out = net.values[3];
      const CodeRange range = out.type == ValueType::kS32  ? CodeRange{INT32_MIN, INT32_MAX}
                              : out.type == ValueType::kS8 ? CodeRange{-128, 127}
                                                           : CodeRange{0, 255};
      std::vector<ScaledTerm> terms;
      for (int t = 0; t < 3; ++t) {
        ScaledTerm term{t, {}, net.values[static_cast<std::size_t>(t)].type == ValueType::kS32 ? 1 << 20 : 128};
        while (static_cast<std::int64_t>(term.scale.size()) < channels)
          term.scale.push_back(random.bernoulli(0.1) ? 0.0
                                                     : 128.0 / static_cast<double>(term.bound) * random.normal());
        terms.push_back(term);
      }
      const RequantizeOp op = make_requantize(
          "rows", 3, terms, std::vector<double>(static_cast<std::size_t>(channels), 0.25), range.low, range.high);
      const auto count = static_cast<std::size_t>(pixels * channels);
      std::vector<std::vector<std::int32_t>> real(3, std::vector<std::int32_t>(count));
      std::vector<std::vector<std::uint8_t>> stored(3, std::vector<std::uint8_t>(count));
      std::vector<const void*> sources;
      for (std::size_t t = 0; t < 3; ++t) {
        const Value& v = net.values[t];
        for (std::size_t i = 0; i < count; ++i) {
          stored[t][i] = static_cast<std::uint8_t>(random.below(256));
          real[t][i] = v.type == ValueType::kS32 ? static_cast<std::int32_t>(random.below(1 << 21)) - (1 << 20)
                                                 : stored[t][i] - storage_offset(v);
        }
        sources.push_back(v.type == ValueType::kS32 ? static_cast<const void*>(real[t].data()) : stored[t].data());
      }
      const RequantizeRows rows(op, net);
      std::vector<std::int32_t> sums(count);
      std::vector<std::uint8_t> bytes(count);
      if (out.type == ValueType::kS32)
        rows.run(pixels, channels, sources.data(), sums.data());
      else
        rows.run(pixels, channels, sources.data(), bytes.data());
      bool same = true;
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t c = i % static_cast<std::size_t>(channels);
        std::int64_t sum = op.bias[c];
        for (std::size_t t = 0; t < 3; ++t) sum += std::int64_t{real[t][i]} * op.terms[t].multiplier[c];
        const std::int64_t code = std::clamp<std::int64_t>(sum >> op.shift[c], op.low, op.high);
        same = same && code == (out.type == ValueType::kS32 ? sums[i] : bytes[i] - storage_offset(out));
      }
      CHECK_MESSAGE(same, channels, " channels, ", pixels, " pixels");
    }
}

TEST_CASE("sums at the edge of 63 bits are exact") {
  IntegerNetwork net;
  net.values = {of(ValueType::kS32, 1), of(ValueType::kS32, 1)};
  RequantizeOp op{"edge", 1, {{0, {INT32_MAX}}}, {(std::int64_t{1} << 61) - 1}, {46}, INT32_MIN, INT32_MAX};
  for (const std::int32_t a : {INT32_MIN, INT32_MAX, 0, -1}) {
    std::int32_t got = 0;
    const void* sources[] = {&a};
    RequantizeRows(op, net).run(1, 1, sources, &got);
    CHECK(got == ((std::int64_t{a} * INT32_MAX + op.bias[0]) >> 46));
  }
}
