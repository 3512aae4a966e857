#pragma once

/// Every kernel of a convolution of u8 codes with weights of 1 to 8 bits behind one interface, so that the engine can
/// choose by a table of measured times. All give the same accumulators.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string_view>
#include <variant>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/kernels/bits/conv2d.hpp"
#include "bitgrain/kernels/bits/linear.hpp"
#include "bitgrain/kernels/bits/packed8_conv2d.hpp"
#include "bitgrain/kernels/int8/conv2d.hpp"
#include "bitgrain/kernels/int8/requantize_band.hpp"
#include "bitgrain/tensor/qtensor.hpp"

namespace bitgrain::kernels {

enum class BitsKernel : std::uint8_t {
  kBytes,         ///< weights as bytes (kernels/int8)
  kPacked8,       ///< weights packed in memory, unpacked to bytes for each call
  kPackedLinear,  ///< 1x1 images: weights packed in memory, multiplied as they lie
  kBitSerial,     ///< logic and counts of bits
};
inline constexpr std::array<BitsKernel, 4> kBitsKernels = {BitsKernel::kBytes, BitsKernel::kPacked8,
                                                           BitsKernel::kPackedLinear, BitsKernel::kBitSerial};

constexpr std::string_view to_string(BitsKernel kernel) {
  constexpr std::string_view names[] = {"bytes", "packed8", "packed_linear", "bit_serial"};
  return names[static_cast<std::size_t>(kernel)];
}

/// The codes of a grid at 1 to 8 bits, `offset` added (128 for s8 codes in bytes). Of kPow2 and kPlanes all in range.
constexpr BitCodes codes_of(Grid grid, int bits, std::int32_t offset = 0) {
  const CodeRange range = code_range(grid, bits);
  const bool odd = grid == Grid::kOdd || (bits == 1 && (grid == Grid::kSigned || grid == Grid::kSymmetric));
  if (odd) return {range.low + offset, 2, bits};
  // A range of 2^bits + 1 codes or more (kPow2, kPlanes) takes another bit.
  return {range.low + offset, 1,
          static_cast<int>(std::bit_width(static_cast<std::uint32_t>(range.high - range.low)))};
}

/// Whether `kernel` runs the convolution with weights and input codes of so many bits; `weights` is the weights'
/// grid.
constexpr bool applicable(BitsKernel kernel, const ConvGeometry& geometry, int weight_bits, int input_bits,
                          Grid weights) {
  if (weight_bits < 1 || weight_bits > 8 || input_bits < 1 || input_bits > 8) return false;
  if (code_range(weights, weight_bits).low < -128 || code_range(weights, weight_bits).high > 127) return false;
  const Window2d& window = geometry.window;
  switch (kernel) {
    case BitsKernel::kBytes:
      return true;
    case BitsKernel::kPacked8:
      return weight_bits < 8;
    case BitsKernel::kPackedLinear:
      return geometry.groups == 1 && geometry.in_h == 1 && geometry.in_w == 1 && window.kernel_h == 1 &&
             window.kernel_w == 1 && window.pad_h == 0 && window.pad_w == 0;
    case BitsKernel::kBitSerial:
      return geometry.groups == 1;
  }
  return false;
}

/// The primitives that the kernels run on in this program, on this machine: dot.hpp, popcount.hpp, fields.hpp.
struct PrimitiveNames {
  std::string_view dot, bits, fields;
};
inline PrimitiveNames primitives_in_use() {
  if constexpr (kDispatch) {
    const KernelSet& set = kernel_set();
    return {set.dot, set.bits, set.fields};
  }
  return {BestDot::kName, BestBits::kName, BestFields::kName};
}

/// Weights packed for one of the kernels.
struct AnyConv2d {
  BitsKernel kernel = BitsKernel::kBytes;
  std::variant<PackedConv2d, Packed8Conv2d, PackedLinear, PackedBitConv2d> packed;  // in the order of BitsKernel

  /// Bytes of weights kept in memory.
  std::int64_t weight_bytes() const {
    switch (kernel) {
      case BitsKernel::kBytes:
        return static_cast<std::int64_t>(std::get<0>(packed).weights.size());
      case BitsKernel::kPacked8:
        return std::get<1>(packed).weights.bytes.numel();
      case BitsKernel::kPackedLinear:
        return std::get<2>(packed).weights.bytes.numel();
      default:
        return std::get<3>(packed).weights.numel();
    }
  }
};

/// Packs w [O,Kh,Kw,I/groups] for `kernel`, which must be applicable, and inputs whose byte b, one of `input`, means
/// b - input_offset, with the byte `padding` outside the image.
inline AnyConv2d pack_any_conv2d(BitsKernel kernel, const ConvGeometry& geometry, const std::int8_t* w,
                                 BitCodes input, std::int32_t input_offset = 0, std::uint8_t padding = 0) {
  switch (kernel) {
    case BitsKernel::kBytes:
      return {kernel, pack_conv2d(geometry, w, input_offset, padding)};
    case BitsKernel::kPacked8:
      return {kernel, pack8_conv2d(geometry, w, input_offset, padding)};
    case BitsKernel::kPackedLinear:
      return {kernel, pack_linear(geometry.in_channels, geometry.out_channels, w, input_offset)};
    default:
      return {kernel, pack_bit_conv2d(geometry, w, input, input_offset, padding)};
  }
}

/// Convolves `batch` images x [N,H,W,I] and calls `sink(first, count, acc)` for bands of output pixels, as
/// conv2d_u8s8_bands does.
template <class Sink>
void any_conv2d_bands(const AnyConv2d& conv, std::int64_t batch, const std::uint8_t* x, Sink&& sink) {
  switch (conv.kernel) {
    case BitsKernel::kBytes:
      return conv2d_u8s8_bands(std::get<0>(conv.packed), batch, x, sink);
    case BitsKernel::kPacked8:
      return conv2d_u8s8_bands(unpack8_conv2d(std::get<1>(conv.packed)), batch, x, sink);
    case BitsKernel::kPackedLinear: {
      // Bands of images: sixteen share the unpacking.
      const PackedLinear& linear = std::get<2>(conv.packed);
      constexpr std::int64_t kBand = 64;
      Scratch<std::int32_t> acc(static_cast<std::size_t>(std::min(kBand, batch) * linear.outputs));
      for (std::int64_t first = 0; first < batch; first += kBand) {
        const std::int64_t count = std::min(kBand, batch - first);
        linear_packed(linear, count, x + first * linear.inputs, acc.data());
        sink(first, count, static_cast<const std::int32_t*>(acc.data()));
      }
      return;
    }
    default:
      return conv2d_bits_bands(std::get<3>(conv.packed), batch, x, sink);
  }
}

/// Convolves `batch` images and requantizes, as conv2d_u8s8_codes does: bytes in registers, few bits through sums in
/// cache.
inline void any_conv2d_codes(const AnyConv2d& conv, std::int64_t batch, const std::uint8_t* x,
                             const Requantization& requantization, const std::uint8_t* residual,
                             std::uint8_t* codes) {
  switch (conv.kernel) {
    case BitsKernel::kBytes:
      return conv2d_u8s8_codes(std::get<0>(conv.packed), batch, x, requantization, residual, codes);
    case BitsKernel::kPacked8:
      return conv2d_u8s8_codes(unpack8_conv2d(std::get<1>(conv.packed)), batch, x, requantization, residual, codes);
    default:
      any_conv2d_bands(conv, batch, x, [&](std::int64_t first, std::int64_t count, const std::int32_t* acc) {
        const std::int64_t at = first * requantization.channels;
        requantize_band(requantization, count, acc, requantization.residual ? residual + at : nullptr, codes + at);
      });
  }
}

}  // namespace bitgrain::kernels
