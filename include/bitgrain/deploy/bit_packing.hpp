#pragma once

/// Fields of b bits one after another, the first in the lowest bits: n fields take exactly ceil(n b / 8) bytes, and
/// the unused bits of the last byte are zero.

#include <cstdint>
#include <span>
#include <vector>

#include "bitgrain/base/check.hpp"
#include "bitgrain/base/report.hpp"
#include "bitgrain/deploy/grid_fields.hpp"

namespace bitgrain::deploy {

/// ceil(n b / 8).
inline std::int64_t packed_bytes(std::int64_t count, int bits) { return (count * bits + 7) / 8; }

/// Appends the packed codes to `bytes`. Throws Error if a code is not on the grid.
inline void pack_codes(std::span<const std::int8_t> codes, const GridFields& fields,
                       std::vector<std::uint8_t>& bytes) {
  unsigned waiting = 0;
  int count = 0;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const std::int16_t field = fields.field(codes[i]);
    BITGRAIN_CHECK(field != GridFields::kNone, "weight code ", int{codes[i]}, " at ", i, " is not on its grid of ",
                   fields.bits(), " bits");
    waiting |= static_cast<unsigned>(field) << count;
    for (count += fields.bits(); count >= 8; count -= 8, waiting >>= 8)
      bytes.push_back(static_cast<std::uint8_t>(waiting & 0xFF));
  }
  if (count > 0) bytes.push_back(static_cast<std::uint8_t>(waiting));
}

/// Calls visit(code) for `count` codes in packed_bytes(count, bits) bytes. A field that stands for no code and set
/// bits after the last one are failures.
template <class Visit>
bool unpack_codes(std::span<const std::uint8_t> bytes, const GridFields& fields, std::int64_t count, Report& report,
                  Visit&& visit) {
  BITGRAIN_EXPECT(report, static_cast<std::int64_t>(bytes.size()) == packed_bytes(count, fields.bits()), count,
                  " codes of ", fields.bits(), " bits do not take ", bytes.size(), " bytes");
  const unsigned mask = (1u << fields.bits()) - 1;
  unsigned waiting = 0;
  int bits = 0;
  std::size_t next = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    if (bits < fields.bits()) {
      waiting |= static_cast<unsigned>(bytes[next++]) << bits;
      bits += 8;
    }
    const auto field = static_cast<std::uint8_t>(waiting & mask);
    const std::int16_t code = fields.code(field);
    BITGRAIN_EXPECT(report, code != GridFields::kNone, "weight ", i, ": the field ", int{field},
                    " stands for no code");
    visit(static_cast<std::int8_t>(code));
    waiting >>= fields.bits();
    bits -= fields.bits();
  }
  BITGRAIN_EXPECT(report, waiting == 0, "unused bits after the last weight code are set");
  return true;
}

}  // namespace bitgrain::deploy
