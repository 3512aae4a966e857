#include "bitgrain/deploy/byte_reader.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/deploy/byte_writer.hpp"

namespace {
using bitgrain::Error;
using bitgrain::deploy::ByteReader;
using bitgrain::deploy::ByteWriter;
}  // namespace

TEST_CASE("what was written is read back, at the limits of every type") {
  ByteWriter out;
  const std::vector<std::uint64_t> numbers{0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
  const std::vector<std::int32_t> signed_numbers{0, -1, 1, -64, 64, INT32_MIN, INT32_MAX};
  for (const auto v : numbers) out.varint(v);
  for (const auto v : signed_numbers) out.signed_varint(v);
  for (const auto v : signed_numbers) out.i32(v);
  out.i64(INT64_MIN);
  out.u64(UINT64_MAX);
  out.f32(-0.1f);
  out.f64(0.1);
  out.text("conv1");
  out.text("");
  ByteReader in(out.bytes, "test");
  for (const auto v : numbers) CHECK(in.varint("n") == v);
  for (const auto v : signed_numbers) CHECK(in.signed_varint("n") == v);
  for (const auto v : signed_numbers) CHECK(in.i32("n") == v);
  CHECK(in.i64("n") == INT64_MIN);
  CHECK(in.u64("n") == UINT64_MAX);
  CHECK(in.f32("n") == -0.1f);
  CHECK(in.f64("n") == 0.1);
  CHECK(in.text("t") == "conv1");
  CHECK(in.text("t") == "");
  CHECK(in.remaining() == 0);
}

TEST_CASE("reading beyond the end, absurd lengths and overlong numbers are errors that name source and offset") {
  const std::vector<std::uint8_t> bytes{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F};
  ByteReader long_number(bytes, "test");
  CHECK_THROWS_AS(long_number.varint("n"), Error);
  ByteReader text(bytes, "test");
  CHECK_THROWS_AS(text.text("t"), Error);
  ByteReader count(std::span<const std::uint8_t>(bytes).last(1), "model 'x'");
  CHECK_THROWS_WITH_AS(count.count(100, "a height"), "model 'x', offset 1: a height must be at most 100, got 127",
                       Error);
  ByteReader end(std::span<const std::uint8_t>(bytes).first(3), "test");
  CHECK_THROWS_WITH_AS(end.u32("the size"), "test, offset 0: the size takes 4 bytes, but 3 are left", Error);
  CHECK_THROWS_AS(end.take(UINT64_MAX, "t"), Error);
  CHECK_THROWS_AS(ByteReader({}, "test").peek("p"), Error);
  const std::vector<std::uint8_t> wide{0x80, 0x80, 0x80, 0x80, 0x10};
  ByteReader narrow(wide, "test");
  CHECK_THROWS_AS(narrow.signed_varint("n"), Error);
}
