#pragma once

/// Reading NumPy's .npy files, versions 1 to 3: magic, version, length, a Python dict, data.

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bitgrain/data/byte_source.hpp"
#include "bitgrain/run/float_conversion.hpp"

namespace bitgrain {

/// What the head of a .npy file says.
struct NpyHeader {
  std::string descr;           ///< "<f4": byte order, kind, bytes per element
  bool fortran_order = false;  ///< the first index runs fastest
  Shape shape;
  std::size_t data_begin = 0;  ///< offset of the data in the file
};

namespace detail {
// The dict of a .npy header, {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }, keys in any order.
class NpyDictParser {
 public:
  NpyDictParser(std::string_view text, std::string where) : text_(text), where_(std::move(where)) {}

  void parse(NpyHeader& header) {
    bool descr = false, order = false, shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && !std::exchange(descr, true))
        header.descr = quoted();
      else if (key == "fortran_order" && !std::exchange(order, true))
        header.fortran_order = boolean();
      else if (key == "shape" && !std::exchange(shape, true))
        header.shape = tuple();
      else
        complain("the key '" + key + "'");
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_blanks();
    if (at_ != text_.size()) complain("something behind the dict");
    BITGRAIN_CHECK(descr && order && shape, where_, ": the header needs 'descr', 'fortran_order' and 'shape'");
  }

 private:
  [[noreturn]] void complain(const std::string& what) const {
    fail(where_, ", header, byte ", at_, ": ", what, " was not expected");
  }
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) complain(at_ < text_.size() ? std::string("'") + text_[at_] + "'" : "the end");
  }
  std::string quoted() {
    const char quote = accept('"') ? '"' : '\'';
    if (quote == '\'') expect('\'');
    const std::size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) complain("a text without end");
    const std::string text(text_.substr(at_, end - at_));
    at_ = end + 1;
    return text;
  }
  bool boolean() {
    skip_blanks();
    for (const std::string_view word : {"True", "False"})
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return word == "True";
      }
    complain("a value that is neither True nor False");
  }
  Shape tuple() {
    Shape shape;
    expect('(');
    while (!accept(')')) {
      skip_blanks();
      std::int64_t extent = 0;
      const std::size_t begin = at_;
      for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
        extent = extent * 10 + (text_[at_] - '0');
        BITGRAIN_CHECK(extent <= Shape::kMaxElements, where_, ": an extent of the shape is too large");
      }
      if (at_ == begin) complain("an extent that is no number");
      shape.append(extent);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return shape;
  }

  std::string_view text_;
  std::string where_;
  std::size_t at_ = 0;
};
}  // namespace detail

/// Parses the head of a whole .npy file. Throws Error, beginning with `where`, if it is none.
inline NpyHeader parse_npy_header(std::span<const std::uint8_t> file, const std::string& where) {
  constexpr std::string_view kMagic = "\x93NUMPY";
  BITGRAIN_CHECK(file.size() >= 10 && std::memcmp(file.data(), kMagic.data(), kMagic.size()) == 0, where,
                 ", offset 0: this is no .npy file");
  const int version = file[6];
  BITGRAIN_CHECK(version >= 1 && version <= 3, where, ", offset 6: version ", version, " is not known, 1 to 3 are");
  const std::size_t prefix = version == 1 ? 10 : 12;
  BITGRAIN_CHECK(file.size() >= prefix, where, ": the file ends in its header");
  std::size_t length = file[8] | std::size_t{file[9]} << 8;
  if (version > 1) length |= std::size_t{file[10]} << 16 | std::size_t{file[11]} << 24;
  BITGRAIN_CHECK(length <= file.size() - prefix, where, ", offset 8: a header of ", length,
                 " bytes, but the file has ", file.size());
  NpyHeader header;
  header.data_begin = prefix + length;
  detail::NpyDictParser({reinterpret_cast<const char*>(file.data()) + prefix, length}, where).parse(header);
  return header;
}

/// The array of a .npy file as floats; see floats_of for the types. Fortran order is turned into C order. Throws
/// Error, naming the file, for anything else, and for a file whose size is not what its header asks for.
inline Tensor<float> read_npy_floats(const std::string& path) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 40;
  const std::vector<std::uint8_t> file = read_file_bytes(path, kMost);
  const std::string where = "file '" + path + "'";
  const NpyHeader header = parse_npy_header(file, where);
  const std::string& d = header.descr;
  const std::string type = d == "<f2" ? "F16" : d == "<f4" ? "F32" : d == "<f8" ? "F64" : "'" + d + "'";
  const Tensor<float> stored =
      floats_of(type, header.shape, std::span(file).subspan(header.data_begin), where + ": the array");
  if (!header.fortran_order || header.shape.rank() < 2) return stored;
  // Element (i0, i1, ...) stands at i0 + n0 (i1 + n1 (i2 + ...)).
  Tensor<float> result(header.shape);
  float* to = result.mutable_data();
  std::vector<std::int64_t> index(static_cast<std::size_t>(header.shape.rank()), 0);
  for (std::int64_t i = 0; i < result.numel(); ++i) {
    std::int64_t from = 0;
    for (int k = header.shape.rank() - 1; k >= 0; --k)
      from = from * header.shape[k] + index[static_cast<std::size_t>(k)];
    to[i] = stored[from];
    for (int k = header.shape.rank() - 1; k >= 0; --k) {
      auto& digit = index[static_cast<std::size_t>(k)];
      if (++digit < header.shape[k]) break;
      digit = 0;
    }
  }
  return result;
}

}  // namespace bitgrain
