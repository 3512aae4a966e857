#include "bitgrain/run/safetensors_header.hpp"

#include <doctest/doctest.h>

#include "error_of.hpp"

using namespace bitgrain;

namespace {
// A file with this header and so many bytes of data.
std::vector<std::uint8_t> file_of(const std::string& header, std::size_t data) {
  std::vector<std::uint8_t> file(8 + header.size() + data);
  const std::uint64_t length = header.size();
  std::memcpy(file.data(), &length, 8);
  std::memcpy(file.data() + 8, header.data(), header.size());
  return file;
}
std::string objection(const std::string& header, std::size_t data) {
  return error_of([&] { parse_safetensors_header(file_of(header, data), "file 'f'"); });
}
}  // namespace

TEST_CASE("a header is read: tensors in the order of the data, metadata, padding, rank 0, empty tensors") {
  const auto header = parse_safetensors_header(
      file_of(R"({"b":{"dtype":"F32","shape":[2,1],"data_offsets":[2,10]},"__metadata__":{"k":"v"},)"
              R"("a":{"dtype":"F16","shape":[],"data_offsets":[0,2]},"e":{"dtype":"U8","shape":[3,0],)"
              R"("data_offsets":[10,10]}}   )",
              10),
      "f");
  REQUIRE(header.entries.size() == 3);
  CHECK(header.entries[0].name == "a");
  CHECK(header.entries[0].shape.empty());
  CHECK(header.entries[1].name == "b");
  CHECK(header.entries[1].shape == std::vector<std::uint64_t>{2, 1});
  CHECK(header.entries[2].name == "e");
  CHECK(header.metadata.at("k") == "v");
  CHECK(objection("{}", 0) == "");
}

TEST_CASE("what the format forbids is refused with the reason") {
  const auto one = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  CHECK(objection(one("F32", "[2]", "[0,8]"), 8) == "");
  CHECK(contains(objection(one("F32", "[2]", "[0,8]"), 9), "the tensors have 8 bytes, the file holds 9"));
  CHECK(contains(objection(one("F32", "[2]", "[0,8]"), 7), "the tensors have 8 bytes, the file holds 7"));
  CHECK(contains(objection(one("F32", "[2]", "[1,9]"), 9), "expected it to begin at 0"));
  CHECK(contains(objection(one("F32", "[2]", "[0,4]"), 4), "has 4 bytes, its type and shape ask for 8"));
  CHECK(contains(objection(one("F32", "[2]", "[8,0]"), 8), "expected it to begin at 0"));
  CHECK(contains(objection(one("F33", "[2]", "[0,8]"), 8), "unknown type 'F33'"));
  CHECK(contains(objection(one("F4", "[3]", "[0,1]"), 1), "12 bits, not whole bytes"));
  CHECK(objection(one("F4", "[4]", "[0,2]"), 2) == "");
  CHECK(contains(objection(one("U8", "[4294967296,4294967296]", "[0,0]"), 0), "overflows 64 bits"));
  CHECK(contains(objection(one("F32", "[-1]", "[0,8]"), 8), "out of range"));
  CHECK(contains(objection(one("F32", "[1.5]", "[0,8]"), 8), "whole number"));
  CHECK(contains(objection(one("F32", "2", "[0,8]"), 8), "an array 'shape'"));
  CHECK(contains(objection(one("F32", "[2]", "[0]"), 8), "must be [begin, end]"));
  CHECK(contains(objection(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}})", 1), "'x' is not known"));
  CHECK(contains(objection(R"({"a":{"shape":[1],"data_offsets":[0,1]}})", 1), "'dtype' is missing"));
  CHECK(contains(objection(R"({"a":3})", 0), "tensor 'a': expected an object"));
  CHECK(contains(objection(R"({"__metadata__":{"k":1}})", 0), "metadata 'k': expected a string"));
  CHECK(contains(objection(R"({"__metadata__":3})", 0), "must be an object"));
  CHECK(contains(objection(R"({"a":1,"a":2})", 0), "the key 'a' appears twice"));
  CHECK(contains(objection("[]", 0), "must begin with '{'"));
  CHECK(contains(objection(" {}", 0), "must begin with '{'"));
  CHECK(contains(objection("", 0), "must begin with '{'"));
  CHECK(contains(objection("{", 0), "not JSON"));
  CHECK(contains(objection("{\"\xff\":1}", 0), "not JSON"));
}

TEST_CASE("tensors must neither overlap nor leave holes") {
  const auto two = [](const std::string& first, const std::string& second) {
    return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + first +
           R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}";
  };
  CHECK(objection(two("[0,4]", "[4,8]"), 8) == "");
  CHECK(objection(two("[4,8]", "[0,4]"), 8) == "");
  CHECK(contains(objection(two("[0,4]", "[3,7]"), 8),
                 "tensor 'b' has bytes 3 to 7 of the data, expected it to begin at 4"));
  CHECK(contains(objection(two("[0,4]", "[5,9]"), 9), "expected it to begin at 4"));
  CHECK(contains(objection(two("[0,4]", "[0,4]"), 8), "expected it to begin at 4"));
}

TEST_CASE("a header length that lies is refused before memory is made for it") {
  const auto length = [](std::uint64_t n, std::size_t size) {
    std::vector<std::uint8_t> file(size);
    std::memcpy(file.data(), &n, std::min<std::size_t>(8, size));
    return error_of([&] { parse_safetensors_header(file, "file 'f'"); });
  };
  CHECK(contains(length(0, 3), "expected the 8 bytes of a header length, the file has 3"));
  CHECK(contains(length(10, 17), "a header of 10 bytes, but the file has 17"));
  CHECK(contains(length(100'000'001, 20), "at most 100000000 are allowed"));
  CHECK(contains(length(~std::uint64_t{0}, 20), "allowed"));
}

TEST_CASE("a written header is padded to a multiple of 8 and reads back") {
  const std::vector<SafetensorsEntry> entries = {{"x\"\n", "F64", {2}, 0, 16}, {"y", "U8", {}, 16, 17}};
  auto bytes = safetensors_header_bytes(entries, {{"key", "value"}});
  CHECK(bytes.size() % 8 == 0);
  bytes.resize(bytes.size() + 17);
  const auto header = parse_safetensors_header(bytes, "f");
  CHECK(header.entries[0].name == "x\"\n");
  CHECK(header.entries[1].end == 17);
  CHECK(header.metadata.at("key") == "value");
}
