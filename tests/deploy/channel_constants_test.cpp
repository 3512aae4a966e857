#include "bitgrain/deploy/channel_constants.hpp"

#include <doctest/doctest.h>

#include "bitgrain/base/random.hpp"

namespace {
using bitgrain::Report;
using namespace bitgrain::deploy;

// All constants of a packed list, which a reader took from `bytes`.
template <class T, class List>
std::vector<T> all_of(const List& list) {
  std::vector<T> all;
  for (std::size_t i = 0; i < list.size(); ++i) all.push_back(list[i]);
  return all;
}

std::vector<std::int32_t> there_and_back(const std::vector<std::int32_t>& multiplier,
                                         const std::vector<std::uint8_t>& shift, std::size_t* bytes) {
  ByteWriter shifts, out;
  write_channels(shifts, shift, [&](std::uint8_t v) { shifts.u8(v); });
  write_multipliers(out, multiplier, shift);
  *bytes = out.bytes.size();
  Report report({});
  ByteReader in(out.bytes, "test", report);
  const PackedMultipliers back = read_multipliers(in, {shifts.bytes.data(), shift.size()});
  CHECK(in.remaining() == 0);
  CHECK_FALSE(in.failed());
  CHECK(back.bytes() == out.bytes.size());
  return all_of<std::int32_t>(back);
}
}  // namespace

TEST_CASE("multipliers of one ratio take nine bytes under any mixture of shifts, and come back exactly") {
  bitgrain::RandomStream random(1, "ratio");
  for (int round = 0; round < 500; ++round) {
    const double ratio = random.normal() * std::exp2(random.uniform(-30.0, 10.0));
    std::vector<std::int32_t> multiplier;
    std::vector<std::uint8_t> shift;
    while (multiplier.size() < 40) {
      const int n = static_cast<int>(random.below(47));
      if (std::abs(std::ldexp(ratio, n)) >= 0x1p31 - 1) continue;
      shift.push_back(static_cast<std::uint8_t>(n));
      multiplier.push_back(static_cast<std::int32_t>(nearest_scaled(ratio, n)));
    }
    std::size_t bytes = 0;
    CHECK(there_and_back(multiplier, shift, &bytes) == multiplier);
    CHECK(bytes <= 9);
  }
}

TEST_CASE("multipliers without a common ratio are written one by one, and come back exactly") {
  bitgrain::RandomStream random(2, "each");
  for (int round = 0; round < 200; ++round) {
    const std::size_t channels = 1 + random.below(20);
    std::vector<std::int32_t> multiplier(channels);
    std::vector<std::uint8_t> shift(channels);
    for (auto& m : multiplier) m = static_cast<std::int32_t>(random.next_bits()) / 2;
    for (auto& n : shift) n = static_cast<std::uint8_t>(random.below(47));
    std::size_t bytes = 0;
    CHECK(there_and_back(multiplier, shift, &bytes) == multiplier);
  }
  std::size_t bytes = 0;
  // One unit beside the common ratio: must not be taken for it.
  const std::vector<std::int32_t> off{1 << 20, 1 << 21, (1 << 22) + 1, 1 << 23};
  CHECK(there_and_back(off, {10, 11, 12, 13}, &bytes) == off);
  CHECK(bytes == 17);
  CHECK(there_and_back({-7, -7, -7, -7}, {1, 2, 3, 4}, &bytes) == std::vector<std::int32_t>{-7, -7, -7, -7});
  CHECK(bytes == 5);
}

TEST_CASE("equal constants are written once, others one by one; nonsense is refused before memory is asked for") {
  ByteWriter out;
  write_channels(out, std::vector<std::int64_t>(100, -5), [&](std::int64_t v) { out.i64(v); });
  CHECK(out.bytes.size() == 9);
  write_channels(out, std::vector<std::int64_t>{1, 2}, [&](std::int64_t v) { out.i64(v); });
  CHECK(out.bytes.size() == 9 + 17);
  Report report({});
  ByteReader in(out.bytes, "test", report);
  CHECK(all_of<std::int64_t>(read_channels<std::int64_t>(in, 100, "bias")) == std::vector<std::int64_t>(100, -5));
  CHECK(all_of<std::int64_t>(read_channels<std::int64_t>(in, 2, "bias")) == std::vector<std::int64_t>{1, 2});
  CHECK_FALSE(in.failed());
  const auto refused = [](const std::vector<std::uint8_t>& bytes, auto read) {
    Report objection({});
    ByteReader from(bytes, "test", objection);
    read(from);
    return objection.failed();
  };
  CHECK(refused({0, 1, 2, 3},
                [](ByteReader& from) { read_channels<std::int64_t>(from, std::size_t{1} << 60, "bias"); }));
  CHECK(refused({9}, [](ByteReader& from) { CHECK(read_channels<std::int64_t>(from, 1, "bias").size() == 0); }));
  CHECK(refused({}, [](ByteReader& from) { read_channels<std::int64_t>(from, 1, "bias"); }));
  ByteWriter wild;
  wild.u8(2);
  wild.f64(1e30);
  const std::uint8_t shift[] = {0, 46};
  CHECK(refused(wild.bytes, [&](ByteReader& from) { read_multipliers(from, {shift, 1}); }));
}
