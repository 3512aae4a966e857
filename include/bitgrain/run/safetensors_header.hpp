#pragma once

/// The header of a safetensors file: parsing with every check of the format's reference reader, and writing.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/run/json_file.hpp"

namespace bitgrain {

/// One tensor of a safetensors file.
struct SafetensorsEntry {
  std::string name, dtype;
  std::vector<std::uint64_t> shape;  ///< any rank, rank 0 included
  std::uint64_t begin = 0, end = 0;  ///< bytes [begin, end) of the data
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  ///< in the order of the data
  std::map<std::string, std::string> metadata;
  std::uint64_t data_begin = 0;  ///< offset of the data in the file
};

/// Bits of one element of `dtype`; 0 for an unknown one.
inline int safetensors_bits(const std::string& dtype) {
  static const std::map<std::string, int> bits = {
      {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
      {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
      {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
      {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64}};
  const auto found = bits.find(dtype);
  return found == bits.end() ? 0 : found->second;
}

/// Bytes that the shape and the dtype of an entry ask for. Throws Error, beginning with `where`, if the dtype is not
/// known, the product overflows 64 bits, or the elements do not fill whole bytes.
inline std::uint64_t safetensors_bytes(const SafetensorsEntry& entry, const std::string& where) {
  auto size = static_cast<std::uint64_t>(safetensors_bits(entry.dtype));
  BITGRAIN_CHECK(size != 0, where, ": tensor '", entry.name, "' has the unknown type '", entry.dtype, "'");
  for (const std::uint64_t extent : entry.shape)
    BITGRAIN_CHECK(!__builtin_mul_overflow(size, extent, &size), where, ": the shape of tensor '", entry.name,
                   "' overflows 64 bits");
  BITGRAIN_CHECK(size % 8 == 0, where, ": tensor '", entry.name, "' has ", size, " bits, not whole bytes");
  return size / 8;
}

namespace detail {
inline SafetensorsEntry parse_safetensors_entry(const std::string& name, const Json& json, const std::string& where) {
  const std::string here = where + ", header, tensor '" + name + "'";
  check_json_keys(json, {"dtype", "shape", "data_offsets"}, here);
  SafetensorsEntry entry;
  entry.name = name;
  entry.dtype = json_field<std::string>(json, "dtype", here);
  for (const char* key : {"shape", "data_offsets"})
    BITGRAIN_CHECK(json.contains(key) && json.at(key).is_array(), here, ": expected an array '", key, "'");
  for (const Json& extent : json.at("shape"))
    entry.shape.push_back(json_value<std::uint64_t>(extent, here + ", 'shape'"));
  const Json& offsets = json.at("data_offsets");
  BITGRAIN_CHECK(offsets.size() == 2, here, ": 'data_offsets' must be [begin, end], got ", offsets.size(),
                 " numbers");
  entry.begin = json_value<std::uint64_t>(offsets[0], here + ", 'data_offsets'");
  entry.end = json_value<std::uint64_t>(offsets[1], here + ", 'data_offsets'");
  return entry;
}
}  // namespace detail

/// Parses and checks the header of a whole file: lengths, JSON without duplicate keys, types, shapes that match their
/// bytes, tensors that fill the data without holes or overlap, nothing behind them. Throws Error, beginning with
/// `where`.
inline SafetensorsHeader parse_safetensors_header(std::span<const std::uint8_t> file, const std::string& where) {
  constexpr std::uint64_t kMostHeader = 100'000'000;
  BITGRAIN_CHECK(file.size() >= 8, where, ", offset 0: expected the 8 bytes of a header length, the file has ",
                 file.size());
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  BITGRAIN_CHECK(length <= kMostHeader, where, ", offset 0: a header of ", length, " bytes; at most ", kMostHeader,
                 " are allowed (is this a safetensors file?)");
  BITGRAIN_CHECK(length <= file.size() - 8, where, ", offset 0: a header of ", length, " bytes, but the file has ",
                 file.size());
  BITGRAIN_CHECK(length > 0 && file[8] == '{', where, ", offset 8: the header must begin with '{'");
  const Json json = parse_json({reinterpret_cast<const char*>(file.data()) + 8, static_cast<std::size_t>(length)},
                               where + ", header");
  SafetensorsHeader header;
  header.data_begin = 8 + length;
  for (const auto& item : json.items()) {
    if (item.key() != "__metadata__") {
      header.entries.push_back(detail::parse_safetensors_entry(item.key(), item.value(), where));
      continue;
    }
    BITGRAIN_CHECK(item.value().is_object(), where, ", header: '__metadata__' must be an object");
    for (const auto& pair : item.value().items())
      header.metadata[pair.key()] = json_value<std::string>(pair.value(), where + ", metadata '" + pair.key() + "'");
  }
  std::sort(header.entries.begin(), header.entries.end(),
            [](const auto& a, const auto& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  std::uint64_t at = 0;
  for (const SafetensorsEntry& entry : header.entries) {
    BITGRAIN_CHECK(entry.begin == at && entry.end >= entry.begin, where, ", header: tensor '", entry.name,
                   "' has bytes ", entry.begin, " to ", entry.end, " of the data, expected it to begin at ", at);
    const std::uint64_t bytes = safetensors_bytes(entry, where);
    BITGRAIN_CHECK(bytes == entry.end - entry.begin, where, ", header: tensor '", entry.name, "' has ",
                   entry.end - entry.begin, " bytes, its type and shape ask for ", bytes);
    at = entry.end;
  }
  BITGRAIN_CHECK(at == file.size() - header.data_begin, where, ": the tensors have ", at, " bytes, the file holds ",
                 file.size() - header.data_begin, " behind its header");
  return header;
}

/// The bytes of a file up to its data: length and JSON, padded by spaces to a multiple of 8.
inline std::vector<std::uint8_t> safetensors_header_bytes(const std::vector<SafetensorsEntry>& entries,
                                                          const std::map<std::string, std::string>& metadata) {
  Json json = Json::object();
  if (!metadata.empty()) json["__metadata__"] = metadata;
  for (const SafetensorsEntry& e : entries)
    json[e.name] = {{"dtype", e.dtype}, {"shape", e.shape}, {"data_offsets", {e.begin, e.end}}};
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();
  std::vector<std::uint8_t> bytes(8 + text.size());
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, text.data(), text.size());
  return bytes;
}

}  // namespace bitgrain
