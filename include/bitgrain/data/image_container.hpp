#pragma once

/// The outside of an image file, checked before the decoder sees it. stb_image ignores checksums, fills in what a cut
/// JPEG lacks, and believes sizes; here a damaged file is an error that names the file and the offset.

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "bitgrain/base/check.hpp"

namespace bitgrain::detail {

inline std::uint32_t u32_big_endian(const std::uint8_t* b) {
  return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
}
inline std::uint32_t u32_little_endian(const std::uint8_t* b) {
  return std::uint32_t{b[3]} << 24 | std::uint32_t{b[2]} << 16 | std::uint32_t{b[1]} << 8 | b[0];
}

inline constexpr std::uint8_t kPngSignature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

inline bool starts_with(std::span<const std::uint8_t> file, std::span<const std::uint8_t> prefix) {
  return file.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), file.begin());
}

/// PNG: every chunk (length | type | data | CRC-32 of type and data) is whole and intact, up to IEND.
inline void check_png(std::span<const std::uint8_t> file, const std::string& path) {
  std::size_t at = sizeof kPngSignature;
  for (bool ended = false; !ended;) {
    BITGRAIN_CHECK(file.size() - at >= 12, "file '", path, "', offset ", at,
                   ": expected a PNG chunk, the file ends after ", file.size() - at, " bytes");
    const std::uint32_t length = u32_big_endian(&file[at]);
    BITGRAIN_CHECK(length <= file.size() - at - 12, "file '", path, "', offset ", at, ": expected a PNG chunk of ",
                   length, " bytes, the file ends after ", file.size() - at - 12);
    const std::string_view type(reinterpret_cast<const char*>(&file[at + 4]), 4);
    const auto crc = static_cast<std::uint32_t>(crc32(0, &file[at + 4], length + 4));
    const std::uint32_t stored = u32_big_endian(&file[at + 8 + length]);
    BITGRAIN_CHECK(crc == stored, "file '", path, "', offset ", at,
                   ": the PNG chunk is damaged, expected the checksum ", stored, ", got ", crc);
    ended = type == "IEND";
    at += 12 + std::size_t{length};
  }
}

/// The Huffman tables of one JPEG segment: class and number | 16 counts of codes by length | as many symbols. More
/// than 256 codes would run over the tables of stb_image 2.27.
inline void check_huffman_tables(std::span<const std::uint8_t> tables, const std::string& path, std::size_t offset) {
  while (!tables.empty()) {
    std::size_t codes = 0;
    for (std::size_t i = 1; i <= 16 && i < tables.size(); ++i) codes += tables[i];
    BITGRAIN_CHECK(tables.size() >= 17 + codes && codes <= 256, "file '", path, "', offset ", offset,
                   ": expected a JPEG Huffman table of at most 256 codes, got ", codes, " in ", tables.size(),
                   " bytes");
    tables = tables.subspan(17 + codes);
    offset += 17 + codes;
  }
}

/// JPEG: a chain of segments (FF, kind, length, data) from the start to the end-of-image marker, with nothing between
/// them but the compressed data of scans, whose FF bytes are followed by 00 or a restart marker.
inline void check_jpeg(std::span<const std::uint8_t> file, const std::string& path) {
  constexpr int kHuffmanTables = 0xC4, kEndOfImage = 0xD9, kStartOfScan = 0xDA;
  const auto is_restart = [](int kind) { return kind >= 0xD0 && kind <= 0xD7; };
  for (std::size_t at = 2;;) {
    BITGRAIN_CHECK(file.size() - at >= 2 && file[at] == 0xFF, "file '", path, "', offset ", at,
                   ": expected a JPEG segment, got ",
                   file.size() - at >= 2 ? "other bytes" : "the end of the file (it is cut)");
    const int kind = file[at + 1];
    if (kind == 0xFF) {  // fill byte
      ++at;
      continue;
    }
    if (kind == kEndOfImage) return;
    const std::size_t length =
        file.size() - at >= 4 ? std::size_t{file[at + 2]} << 8 | std::size_t{file[at + 3]} : std::size_t{0};
    BITGRAIN_CHECK(kind >= 0xC0 && !is_restart(kind) && length >= 2 && length <= file.size() - at - 2, "file '", path,
                   "', offset ", at, ": expected a whole JPEG segment, got kind ", kind, " with ", length,
                   " bytes where ", file.size() - at - 2, " follow");
    if (kind == kHuffmanTables) check_huffman_tables(file.subspan(at + 4, length - 2), path, at + 4);
    at += 2 + length;
    if (kind == kStartOfScan)
      while (file.size() - at >= 2 && !(file[at] == 0xFF && file[at + 1] != 0 && !is_restart(file[at + 1]))) ++at;
  }
}

/// BMP: the file holds all rows, `height` of them, each padded to 4 bytes.
inline void check_bmp(std::span<const std::uint8_t> file, const std::string& path, std::uint64_t width,
                      std::uint64_t height) {
  BITGRAIN_CHECK(file.size() >= 30, "file '", path, "', offset 0: expected a BMP header, the file has ", file.size(),
                 " bytes");
  const std::uint64_t pixels_at = u32_little_endian(&file[10]);
  const std::uint64_t bits = file[28];
  const std::uint64_t expected = pixels_at + (width * bits + 31) / 32 * 4 * height;
  BITGRAIN_CHECK(file.size() >= expected, "file '", path, "', offset ", pixels_at, ": expected ", expected,
                 " bytes of BMP, the file has ", file.size());
}

}  // namespace bitgrain::detail
