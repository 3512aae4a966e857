#include "bitgrain/deploy/byte_reader.hpp"

#include <doctest/doctest.h>

#include <span>
#include <string>
#include <vector>

#include "bitgrain/deploy/byte_writer.hpp"

namespace {
using bitgrain::Report;
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
  Report report({});
  ByteReader in(out.bytes, "test", report);
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
  CHECK_FALSE(in.failed());
}

TEST_CASE("reading beyond the end, absurd lengths and overlong numbers are errors that name source and offset") {
  // The message of what `read` does with `bytes`, which must leave nothing to be read.
  const auto error = [](std::span<const std::uint8_t> bytes, const char* source, auto read) {
    char text[100];
    Report report(text);
    ByteReader in(bytes, source, report);
    read(in);
    CHECK(in.failed());
    CHECK(in.remaining() == 0);
    CHECK(in.u8("more") == 0);
    CHECK(in.text("more").empty());
    return std::string(report.text());
  };
  const std::vector<std::uint8_t> bytes{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F};
  CHECK(error(bytes, "test", [](ByteReader& in) { CHECK(in.varint("n") == 0); }) ==
        "test, offset 10: n is a number of more than 64 bits");
  error(bytes, "test", [](ByteReader& in) { CHECK(in.text("t").empty()); });
  CHECK(error(std::span(bytes).last(1), "model 'x'", [](ByteReader& in) { CHECK(in.count(100, "a height") == 0); }) ==
        "model 'x', offset 1: a height must be at most 100, got 127");
  CHECK(error(std::span(bytes).first(3), "test", [](ByteReader& in) { CHECK(in.u32("the size") == 0); }) ==
        "test, offset 0: the size takes 4 bytes, but 3 are left");
  error(bytes, "test", [](ByteReader& in) { CHECK(in.take(UINT64_MAX, "t").empty()); });
  const std::vector<std::uint8_t> wide{0x80, 0x80, 0x80, 0x80, 0x10};
  error(wide, "test", [](ByteReader& in) { CHECK(in.signed_varint("n") == 0); });
}
