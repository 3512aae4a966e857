#pragma once

#include <zlib.h>

#include <cstdint>
#include <vector>

/// IDX files and gzip data for the tests of readers.
namespace idx_bytes {

using Bytes = std::vector<std::uint8_t>;

inline Bytes numbers(std::initializer_list<std::uint32_t> values) {
  Bytes bytes;
  for (const std::uint32_t v : values)
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(v >> shift));
  return bytes;
}

/// `count` images whose bytes are 0, 1, 2, ... over the whole file.
inline Bytes images(std::uint32_t count, std::uint32_t rows, std::uint32_t columns) {
  Bytes bytes = numbers({0x803, count, rows, columns});
  for (std::uint32_t i = 0; i < count * rows * columns; ++i) bytes.push_back(static_cast<std::uint8_t>(i));
  return bytes;
}

/// Labels 0, 1, ..., 9, 0, ...
inline Bytes labels(std::uint32_t count) {
  Bytes bytes = numbers({0x801, count});
  for (std::uint32_t i = 0; i < count; ++i) bytes.push_back(static_cast<std::uint8_t>(i % 10));
  return bytes;
}

/// One gzip member.
inline Bytes gzipped(const Bytes& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  Bytes packed(deflateBound(&stream, bytes.size()));
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

}  // namespace idx_bytes
