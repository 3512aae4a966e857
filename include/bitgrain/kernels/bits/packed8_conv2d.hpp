#pragma once

/// 8-bit convolutions whose weights stay in memory at their true number of bits.
///
/// What kernels/int8 arranged for its microkernel is packed byte by byte, whatever its order, and unpacked into
/// scratch memory for each call: a pass over the weights, against out_h * out_w products with each of them per image.

#include <cstdint>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/kernels/bits/packed_fields.hpp"
#include "bitgrain/kernels/int8/conv2d.hpp"

namespace bitgrain::kernels {

struct Packed8Conv2d {
  PackedConv2d conv;     ///< without its weights
  PackedFields weights;  ///< its weights, packed
};

/// As pack_conv2d. At the fewest bits that hold the weights; zeros that fill up blocks count as weights, so that
/// weights without zero take a bit more where there are any.
inline Packed8Conv2d pack8_conv2d(const ConvGeometry& geometry, const std::int8_t* w, std::int32_t input_offset = 0,
                                  std::uint8_t padding = 0) {
  Packed8Conv2d packed{pack_conv2d(geometry, w, input_offset, padding), {}};
  packed.weights = pack_fields(packed.conv.weights.data(), static_cast<std::int64_t>(packed.conv.weights.size()));
  packed.conv.weights = {};
  return packed;
}

/// The convolution with its weights as bytes, for the calls of conv2d_u8s8 and conv2d_u8s8_bands while it lives.
template <class F = BestFields>
PackedConv2d unpack8_conv2d(const Packed8Conv2d& packed) {
  PackedConv2d conv = packed.conv;
  conv.weights = Array<std::int8_t>::unset(static_cast<std::size_t>(packed.weights.count));
  unpack_fields<F>(packed.weights, conv.weights.data());
  return conv;
}

}  // namespace bitgrain::kernels
