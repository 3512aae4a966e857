#include "bitgrain/deploy/packed_header.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "bitgrain/deploy/byte_writer.hpp"

namespace {
using bitgrain::Report;
using namespace bitgrain::deploy;

std::vector<std::uint8_t> model_with(const std::vector<std::uint8_t>& body) {
  ByteWriter out;
  out.bytes.assign(kModelMagic.begin(), kModelMagic.end());
  out.u32(kModelVersion);
  out.u64(kHeaderBytes + body.size() + kChecksumBytes);
  out.bytes.insert(out.bytes.end(), body.begin(), body.end());
  out.u32(crc32(out.bytes));
  return out.bytes;
}

std::string refusal(const std::vector<std::uint8_t>& bytes) {
  char text[200];
  Report report(text);
  const bool good = check_header(bytes, "model", report);
  CHECK(good != report.failed());
  return text;
}
}  // namespace

TEST_CASE("a whole model is accepted, and its body is read between header and checksum") {
  const auto bytes = model_with({7, 8, 9});
  CHECK(refusal(bytes) == "");
  Report report({});
  ByteReader in = body_reader(bytes, "model", report);
  CHECK(in.remaining() == 3);
  CHECK(in.u8("a byte") == 7);
  CHECK(refusal(model_with({})) == "");
}

TEST_CASE("what is cut, longer, altered, of another version or no model is refused, and the message says which") {
  const auto bytes = model_with({7, 8, 9});
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK(refusal({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)}) != "");
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto altered = bytes;
    altered[i] ^= 0x10;
    CHECK(refusal(altered) != "");
  }
  auto longer = bytes;
  longer.push_back(0);
  CHECK(refusal(longer) == "model, offset 20: the file should have 27 bytes, it has 28");
  auto newer = bytes;
  newer[8] = 2;
  CHECK(refusal(newer) == "model, offset 12: this model has version 2, this program reads 1");
  auto altered = bytes;
  altered[21] = 0;
  CHECK(refusal(altered).find("model, offset 23: the checksum is ") == 0);
  CHECK(refusal({'P', 'K', 3, 4}) == "model, offset 0: not a bitgrain model (it does not start with 'bitgrain')");
  CHECK(refusal({}).find("not a bitgrain model") != std::string::npos);
}
