#pragma once

/// Floating-point types of files as float.

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "bitgrain/tensor/tensor.hpp"

namespace bitgrain {

/// IEEE half precision to float; exact.
inline float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half & 0x8000u} << 16, exponent = (half >> 10) & 31u, rest = half & 0x3FFu;
  if (exponent == 0) {  // zero and subnormal: rest * 2^-24
    const float magnitude = std::ldexp(static_cast<float>(rest), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t widened = exponent == 31 ? 0x7F800000u : (exponent + 112) << 23;
  return std::bit_cast<float>(sign | widened | (rest << 13));
}
/// bfloat16 to float; exact.
inline float bfloat16_to_float(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

/// A tensor of floats from the elements of a file, little-endian, of type "F16", "BF16", "F32" or "F64". The narrow
/// types and float are taken exactly; doubles are rounded to the nearest float, and one that is beyond the largest
/// float is an Error, as is any other type. Messages begin with `where`.
inline Tensor<float> floats_of(const std::string& type, const Shape& shape, std::span<const std::uint8_t> bytes,
                               const std::string& where) {
  const std::size_t size = type == "F64" ? 8 : type == "F32" ? 4 : type == "F16" || type == "BF16" ? 2 : 0;
  BITGRAIN_CHECK(size != 0, where, " is of type ", type, "; weights are F16, BF16, F32 or F64");
  const auto count = static_cast<std::size_t>(shape.numel());
  BITGRAIN_CHECK(bytes.size() == count * size, where, " has ", bytes.size(), " bytes, shape ", shape, " of ", type,
                 " asks for ", count * size);
  Tensor<float> result(shape);
  float* to = result.mutable_data();
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* from = bytes.data() + i * size;
    if (size == 8) {
      double wide = 0;
      std::memcpy(&wide, from, 8);
      to[i] = static_cast<float>(wide);
      BITGRAIN_CHECK(std::isfinite(to[i]) || !std::isfinite(wide), where, ", element ", i, ": ", wide,
                     " is beyond the range of float");
    } else if (size == 4) {
      std::memcpy(&to[i], from, 4);
    } else {
      std::uint16_t narrow = 0;
      std::memcpy(&narrow, from, 2);
      to[i] = type == "F16" ? half_to_float(narrow) : bfloat16_to_float(narrow);
    }
  }
  return result;
}

}  // namespace bitgrain
