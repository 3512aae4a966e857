#pragma once

/// safetensors: named tensors in one file, readable from every framework.
///
///     u64 N, little-endian | N bytes of JSON, padded by spaces | data, row-major, little-endian, without holes
///     {"name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, ..., "__metadata__": {"key": "text"}}
///
/// A file from outside is checked completely before any tensor is handed out: sizes without overflow, no holes, no
/// overlap, no duplicate keys, no byte left over.

#include <bit>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "bitgrain/run/safetensors_header.hpp"
#include "bitgrain/tensor/tensor.hpp"

namespace bitgrain {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

/// The name of T's dtype in safetensors files.
template <class T>
constexpr const char* safetensors_dtype() {
  if constexpr (std::is_same_v<T, float>) return "F32";
  if constexpr (std::is_same_v<T, double>) return "F64";
  if constexpr (std::is_same_v<T, std::int8_t>) return "I8";
  if constexpr (std::is_same_v<T, std::uint8_t>) return "U8";
  if constexpr (std::is_same_v<T, std::int16_t>) return "I16";
  if constexpr (std::is_same_v<T, std::int32_t>) return "I32";
  if constexpr (std::is_same_v<T, std::int64_t>) return "I64";
}

/// A safetensors file in memory.
class SafetensorsFile {
 public:
  /// Reads and checks a file. Throws Error naming the file, and what is wrong where.
  static SafetensorsFile read(const std::string& path) {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 40;
    return SafetensorsFile(read_file_bytes(path, kMost), "file '" + path + "'");
  }
  /// The same from memory; `where` begins every message.
  SafetensorsFile(std::vector<std::uint8_t> bytes, std::string where)
      : bytes_(std::move(bytes)), where_(std::move(where)), header_(parse_safetensors_header(bytes_, where_)) {
    for (std::size_t i = 0; i < header_.entries.size(); ++i) by_name_.emplace(header_.entries[i].name, i);
  }

  const std::string& where() const { return where_; }
  /// In the order of the data.
  const std::vector<SafetensorsEntry>& entries() const { return header_.entries; }
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }
  bool has(const std::string& name) const { return by_name_.contains(name); }
  /// Throws Error if there is no tensor of that name.
  const SafetensorsEntry& entry(const std::string& name) const {
    const auto found = by_name_.find(name);
    BITGRAIN_CHECK(found != by_name_.end(), where_, ": there is no tensor '", name, "'");
    return header_.entries[found->second];
  }
  /// The raw bytes of a tensor.
  std::span<const std::uint8_t> bytes(const SafetensorsEntry& e) const {
    return {bytes_.data() + header_.data_begin + e.begin, static_cast<std::size_t>(e.end - e.begin)};
  }
  /// A tensor with elements of T. Throws Error if its dtype is another one or it has more than 6 dimensions.
  template <class T>
  Tensor<T> tensor(const std::string& name) const {
    const SafetensorsEntry& e = entry(name);
    BITGRAIN_CHECK(e.dtype == safetensors_dtype<T>(), where_, ": tensor '", name, "' is of type ", e.dtype,
                   ", expected ", safetensors_dtype<T>());
    Shape shape;
    for (const std::uint64_t extent : e.shape) shape.append(static_cast<std::int64_t>(extent));
    Tensor<T> result(shape);
    const auto from = bytes(e);
    if (!from.empty()) std::memcpy(result.mutable_data(), from.data(), from.size());
    return result;
  }

 private:
  std::vector<std::uint8_t> bytes_;
  std::string where_;
  SafetensorsHeader header_;
  std::map<std::string, std::size_t> by_name_;
};

/// Collects tensors, then writes them. Bytes are copied when they are added.
class SafetensorsWriter {
 public:
  void set_metadata(const std::string& key, const std::string& value) { metadata_[key] = value; }

  template <class T>
  void add(const std::string& name, const Tensor<T>& tensor) {
    std::vector<std::uint64_t> shape;
    for (int i = 0; i < tensor.shape().rank(); ++i) shape.push_back(static_cast<std::uint64_t>(tensor.shape()[i]));
    const auto* data = reinterpret_cast<const std::uint8_t*>(tensor.data());
    add(name, safetensors_dtype<T>(), std::move(shape), {data, static_cast<std::size_t>(tensor.numel()) * sizeof(T)});
  }
  /// Throws Error if the name is taken or the bytes do not fit type and shape.
  void add(const std::string& name, const std::string& dtype, std::vector<std::uint64_t> shape,
           std::span<const std::uint8_t> bytes) {
    BITGRAIN_CHECK(name != "__metadata__" && !tensors_.contains(name), "a safetensors file cannot hold ",
                   name == "__metadata__" ? "a tensor" : "two tensors", " called '", name, "'");
    SafetensorsEntry entry{name, dtype, std::move(shape), 0, bytes.size()};
    const std::uint64_t expected = safetensors_bytes(entry, "a tensor to write");
    BITGRAIN_CHECK(expected == bytes.size(), "tensor '", name, "' needs ", expected, " bytes, got ", bytes.size());
    tensors_.emplace(name, Stored{std::move(entry), {bytes.begin(), bytes.end()}});
  }

  /// The file. Tensors stand by falling alignment, then by name, so that each starts at a multiple of its element
  /// size; the header is padded to a multiple of 8.
  std::vector<std::uint8_t> bytes() const {
    std::vector<std::uint8_t> file;
    write_to([&file](const std::vector<std::uint8_t>& part) { file.insert(file.end(), part.begin(), part.end()); });
    return file;
  }
  /// Writes the file, whole or not at all.
  void save(const std::string& path) const {
    AtomicFile file(path);
    write_to([&file](const std::vector<std::uint8_t>& part) { file.write(part.data(), part.size()); });
    file.commit();
  }

 private:
  struct Stored {
    SafetensorsEntry entry;
    std::vector<std::uint8_t> bytes;
  };

  // Hands out the file part by part.
  template <class Write>
  void write_to(Write&& write) const {
    std::vector<const Stored*> order;
    for (const auto& named : tensors_) order.push_back(&named.second);
    std::sort(order.begin(), order.end(), [](const Stored* a, const Stored* b) {
      const int bits_a = safetensors_bits(a->entry.dtype), bits_b = safetensors_bits(b->entry.dtype);
      return bits_a != bits_b ? bits_a > bits_b : a->entry.name < b->entry.name;
    });
    std::vector<SafetensorsEntry> entries;
    std::uint64_t at = 0;
    for (const Stored* stored : order) {
      SafetensorsEntry entry = stored->entry;
      entry.begin = at;
      entry.end = at += stored->bytes.size();
      entries.push_back(std::move(entry));
    }
    write(safetensors_header_bytes(entries, metadata_));
    for (const Stored* stored : order) write(stored->bytes);
  }

  std::map<std::string, Stored> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace bitgrain
