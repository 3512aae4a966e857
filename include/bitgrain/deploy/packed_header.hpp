#pragma once

/// The first and the last bytes of a packed model: what tells a complete, unaltered file from anything else.

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>

#include "bitgrain/base/report.hpp"
#include "bitgrain/deploy/byte_reader.hpp"
#include "bitgrain/deploy/crc32.hpp"

namespace bitgrain::deploy {

inline constexpr std::string_view kModelMagic = "bitgrain";
inline constexpr std::uint32_t kModelVersion = 1;
inline constexpr std::size_t kHeaderBytes = 20;   ///< magic, version, size
inline constexpr std::size_t kChecksumBytes = 4;  ///< at the end

/// Whether `bytes`, called `source` in messages, are a whole model of this version with the right checksum.
inline bool check_header(std::span<const std::uint8_t> bytes, std::string_view source, Report& report) {
  ByteReader header(bytes, source, report);
  const auto magic = header.take(std::min(kModelMagic.size(), bytes.size()), "the magic");
  BITGRAIN_EXPECT(report, std::equal(magic.begin(), magic.end(), kModelMagic.begin(), kModelMagic.end()), source,
                  ", offset 0: not a bitgrain model (it does not start with '", kModelMagic, "')");
  const std::uint32_t version = header.u32("the version");
  if (header.failed()) return false;
  if (version != kModelVersion)
    return header.fail("this model has version ", version, ", this program reads ", kModelVersion);
  const std::uint64_t size = header.u64("the size");
  if (header.failed()) return false;
  if (size != bytes.size()) return header.fail("the file should have ", size, " bytes, it has ", bytes.size());
  if (size < kHeaderBytes + kChecksumBytes) return header.fail("a model of ", size, " bytes is too short");
  const auto body = bytes.first(bytes.size() - kChecksumBytes);
  const auto expected = little_endian<std::uint32_t>(bytes.last(kChecksumBytes).data());
  const std::uint32_t found = crc32(body);
  BITGRAIN_EXPECT(report, found == expected, source, ", offset ", body.size(), ": the checksum is ", expected,
                  ", but that of the bytes is ", found, ": the model was altered");
  return true;
}

/// Reads what stands between the header and the checksum of such bytes.
inline ByteReader body_reader(std::span<const std::uint8_t> bytes, std::string_view source, Report& report) {
  ByteReader in(bytes.first(bytes.size() - kChecksumBytes), source, report);
  in.take(kHeaderBytes, "the header");
  return in;
}

}  // namespace bitgrain::deploy
