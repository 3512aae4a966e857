#include "bitgrain/deploy/crc32.hpp"

#include <doctest/doctest.h>

#include <string_view>
#include <vector>

namespace {
std::uint32_t crc_of(std::string_view text) {
  return bitgrain::deploy::crc32(std::vector<std::uint8_t>(text.begin(), text.end()));
}
}  // namespace

TEST_CASE("CRC-32 gives the published check values") {
  CHECK(crc_of("") == 0);
  CHECK(crc_of("123456789") == 0xCBF43926u);
  CHECK(crc_of("The quick brown fox jumps over the lazy dog") == 0x414FA339u);
}
