#pragma once

/// NumPy's .npy files: one tensor each, written in version 1.0.

#include <bit>
#include <cstdint>
#include <string>
#include <type_traits>

#include "bitgrain/base/atomic_file.hpp"
#include "bitgrain/tensor/tensor.hpp"

namespace bitgrain {

static_assert(std::endian::native == std::endian::little, "npy files are written little-endian");

namespace detail {
template <class T>
constexpr const char* npy_type() {
  if constexpr (std::is_same_v<T, float>) return "<f4";
  if constexpr (std::is_same_v<T, double>) return "<f8";
  if constexpr (std::is_same_v<T, std::int8_t>) return "|i1";
  if constexpr (std::is_same_v<T, std::uint8_t>) return "|u1";
  if constexpr (std::is_same_v<T, std::int16_t>) return "<i2";
  if constexpr (std::is_same_v<T, std::int32_t>) return "<i4";
  if constexpr (std::is_same_v<T, std::int64_t>) return "<i8";
}
}  // namespace detail

/// The head of a .npy file: magic, version, length, a Python dict padded so that the data starts at a multiple of 64.
template <class T>
std::string npy_header(const Shape& shape) {
  std::string extents;
  for (int i = 0; i < shape.rank(); ++i)
    extents += std::to_string(shape[i]) + (shape.rank() == 1 ? "," : i + 1 < shape.rank() ? ", " : "");
  std::string dict =
      detail::concat("{'descr': '", detail::npy_type<T>(), "', 'fortran_order': False, 'shape': (", extents, "), }");
  constexpr std::size_t kPrefix = 10;
  dict.append(63 - (kPrefix + dict.size()) % 64, ' ').append("\n");
  std::string head = "\x93NUMPY\x01";
  head += '\0';
  head += static_cast<char>(dict.size() & 0xFF);
  head += static_cast<char>(dict.size() >> 8);
  return head + dict;
}

/// Writes a tensor to a .npy file, whole or not at all.
template <class T>
void write_npy(const std::string& path, const Tensor<T>& tensor) {
  AtomicFile file(path);
  file.write(npy_header<T>(tensor.shape()));
  file.write(tensor.data(), static_cast<std::size_t>(tensor.numel()) * sizeof(T));
  file.commit();
}

}  // namespace bitgrain
