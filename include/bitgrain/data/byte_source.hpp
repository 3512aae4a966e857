#pragma once

/// A file read from front to back, raw or gzip-compressed (told apart by content). Files from outside are never
/// trusted: readers ask how much the file can still hold before they make room for what its header claims, and every
/// message names the file and the offset.

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "bitgrain/base/check.hpp"

namespace bitgrain {

/// Throws Error unless `path` is an existing regular file; returns its size in bytes.
inline std::uint64_t regular_file_size(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  BITGRAIN_CHECK(std::filesystem::exists(status), "file '", path, "' does not exist");
  BITGRAIN_CHECK(std::filesystem::is_regular_file(status), "'", path, "' is not a regular file");
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  BITGRAIN_CHECK(!error, "file '", path, "': its size cannot be read: ", error.message());
  return size;
}

/// Reads a file in order. Not copyable.
class ByteSource {
 public:
  /// Opens `path`. Throws Error if it does not exist, is no regular file, or cannot be read.
  explicit ByteSource(std::string path) : path_(std::move(path)), file_size_(regular_file_size(path_)) {
    file_ = std::fopen(path_.c_str(), "rb");
    BITGRAIN_CHECK(file_ != nullptr, "file '", path_, "' cannot be opened: ", std::strerror(errno));
    unsigned char magic[2] = {0, 0};
    const std::size_t got = std::fread(magic, 1, 2, file_);
    const bool back = std::fseek(file_, 0, SEEK_SET) == 0;
    compressed_ = back && got == 2 && magic[0] == 0x1F && magic[1] == 0x8B;
    if (!back) {
      std::fclose(file_);  // a constructor that throws runs no destructor
      fail("file '", path_, "' cannot be read twice");
    }
    if (compressed_) {
      constexpr int kGzipHeader = 16;
      if (inflateInit2(&stream_, 15 + kGzipHeader) != Z_OK) {
        std::fclose(file_);
        fail("zlib could not be started");
      }
      input_.resize(std::size_t{1} << 16);
    }
  }
  ~ByteSource() {
    if (compressed_) inflateEnd(&stream_);
    std::fclose(file_);
  }
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  const std::string& path() const { return path_; }
  bool compressed() const { return compressed_; }
  std::uint64_t file_size() const { return file_size_; }
  /// Bytes read so far, of the uncompressed data.
  std::uint64_t offset() const { return offset_; }
  /// "file 'x', offset 16" (or "uncompressed offset 16"): how messages begin.
  std::string where() const { return where(offset_); }
  std::string where(std::uint64_t offset) const {
    return detail::concat("file '", path_, "', ", compressed_ ? "uncompressed " : "", "offset ", offset);
  }

  /// Reads exactly `count` bytes of `what`. Throws Error if the file ends before, or its gzip data is damaged.
  void read(void* to, std::uint64_t count, std::string_view what) {
    const std::uint64_t begin = offset_;
    const std::uint64_t got = read_some(static_cast<std::uint8_t*>(to), count);
    BITGRAIN_CHECK(got == count, where(begin), ": expected ", count, " bytes of ", what, ", the file ends after ",
                   got);
  }

  /// A big-endian 32-bit number, as IDX files have them.
  std::uint32_t read_u32_big_endian(std::string_view what) {
    std::uint8_t b[4];
    read(b, 4, what);
    return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
  }

  /// To be called before memory is made for `count` bytes that a header claims follow. Raw files must hold exactly
  /// these; gzip data at least a 1032nd (the densest deflate code), the rest shows while reading.
  void expect_rest(std::uint64_t count, std::string_view what) const {
    if (compressed_) {
      BITGRAIN_CHECK(count / 1032 <= file_size_, where(), ": the header promises ", count, " bytes of ", what,
                     ", which ", file_size_, " compressed bytes cannot hold");
    } else {
      BITGRAIN_CHECK(file_size_ - offset_ == count, where(), ": expected ", count, " bytes of ", what, ", got ",
                     file_size_ - offset_);
    }
  }

  /// Throws Error unless everything has been read.
  void expect_end(std::string_view what) {
    const std::uint64_t begin = offset_;
    std::uint8_t byte;
    BITGRAIN_CHECK(read_some(&byte, 1) == 0, where(begin), ": expected the end of the file after ", what,
                   ", but more follows");
  }

 private:
  // Reads up to `count` bytes; fewer only at the end of the file.
  std::uint64_t read_some(std::uint8_t* to, std::uint64_t count) {
    std::uint64_t done = 0;
    while (done < count) {
      constexpr std::uint64_t kMost = std::uint64_t{1} << 30;  // zlib counts in 32 bits
      const auto want = static_cast<std::size_t>(std::min(count - done, kMost));
      const std::size_t got = compressed_ ? inflate_some(to + done, want) : std::fread(to + done, 1, want, file_);
      if (got == 0) break;
      done += got;
    }
    BITGRAIN_CHECK(std::ferror(file_) == 0, "file '", path_, "' cannot be read: ", std::strerror(errno));
    offset_ += done;
    return done;
  }

  // Inflates at least one byte, unless the last member of the gzip file has ended.
  std::size_t inflate_some(std::uint8_t* to, std::size_t want) {
    stream_.next_out = to;
    stream_.avail_out = static_cast<uInt>(want);
    while (stream_.avail_out == want) {
      if (stream_.avail_in == 0) refill();
      if (member_ended_) {
        if (stream_.avail_in == 0) return 0;
        BITGRAIN_CHECK(inflateReset(&stream_) == Z_OK, "zlib could not be restarted");
        member_ended_ = false;
      }
      BITGRAIN_CHECK(stream_.avail_in > 0, "file '", path_, "': the gzip data ends too early, at byte ", file_size_,
                     " of the file");
      const int status = inflate(&stream_, Z_NO_FLUSH);
      BITGRAIN_CHECK(status == Z_OK || status == Z_STREAM_END, "file '", path_, "', compressed offset ",
                     consumed_ - stream_.avail_in, ": the gzip data is damaged (",
                     stream_.msg != nullptr ? stream_.msg : "unexpected end", ")");
      member_ended_ = status == Z_STREAM_END;
    }
    return want - stream_.avail_out;
  }

  void refill() {
    const std::size_t got = std::fread(input_.data(), 1, input_.size(), file_);
    consumed_ += got;
    stream_.next_in = input_.data();
    stream_.avail_in = static_cast<uInt>(got);
  }

  std::string path_;
  std::uint64_t file_size_ = 0;
  std::FILE* file_ = nullptr;
  bool compressed_ = false;
  bool member_ended_ = false;
  std::uint64_t offset_ = 0;    // of the uncompressed data
  std::uint64_t consumed_ = 0;  // bytes of the file given to zlib
  z_stream stream_{};
  std::vector<std::uint8_t> input_;
};

/// The whole of a raw file. Throws Error if it is larger than `limit` bytes.
inline std::vector<std::uint8_t> read_file_bytes(const std::string& path, std::uint64_t limit) {
  const std::uint64_t size = regular_file_size(path);
  BITGRAIN_CHECK(size <= limit, "file '", path, "' has ", size, " bytes, expected at most ", limit);
  std::FILE* file = std::fopen(path.c_str(), "rb");
  BITGRAIN_CHECK(file != nullptr, "file '", path, "' cannot be opened: ", std::strerror(errno));
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
  const std::size_t got = std::fread(bytes.data(), 1, bytes.size(), file);
  std::fclose(file);
  BITGRAIN_CHECK(got == bytes.size(), "file '", path, "': expected ", size, " bytes, got ", got);
  return bytes;
}

}  // namespace bitgrain
