#pragma once

/// Which kernel runs a convolution or linear layer of the engine: all give the same accumulators, so measured times
/// decide. The table that ships is in kernel_times.hpp; time_kernels.hpp measures another one.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "bitgrain/deploy/integer_network.hpp"
#include "bitgrain/deploy/requantize_rows.hpp"
#include "bitgrain/deploy/value_bounds.hpp"
#include "bitgrain/kernels/bits/any_conv2d.hpp"

namespace bitgrain::deploy {

/// What the time of a layer depends on besides its bits.
struct LayerShape {
  std::int64_t in = 1;      ///< input channels of a group
  std::int64_t out = 1;     ///< output channels
  std::int64_t taps = 1;    ///< Kh * Kw
  std::int64_t pixels = 1;  ///< output pixels of an image; 1 for linear layers
  bool linear = false;      ///< of a 1x1 image
  std::int64_t stride = 1;  ///< along the width
  std::int64_t groups = 1;
  friend bool operator==(const LayerShape&, const LayerShape&) = default;
};

inline LayerShape layer_shape(const ConvGeometry& g) {
  return {g.group_in(),
          g.out_channels,
          g.window.kernel_h * g.window.kernel_w,
          g.out_h() * g.out_w(),
          g.in_h == 1 && g.in_w == 1,
          g.window.stride_w,
          g.groups};
}

/// "64 -> 128 channels, 9 taps, 16 pixels, stride 2": for messages.
inline std::string to_string(const LayerShape& shape) {
  std::string text = std::to_string(shape.in) + " -> " + std::to_string(shape.out) + " channels";
  if (!shape.linear) {
    text += ", " + std::to_string(shape.taps) + " taps, " + std::to_string(shape.pixels) + " pixels";
    if (shape.stride != 1) text += ", stride " + std::to_string(shape.stride);
  }
  return shape.groups == 1 ? text : text + ", " + std::to_string(shape.groups) + " groups";
}

/// How many bits a layer's codes take, as kernels see them. Ternary weights take two bits, but one plane and a sign.
struct LayerBits {
  int weights = 8;  ///< to hold a weight's level
  int planes = 8;   ///< of weights in the bit-serial kernel: of levels or of magnitudes, the fewer
  int input = 8;
  friend bool operator==(const LayerBits&, const LayerBits&) = default;
};

/// The stored bytes that may occur in a value of codes. (s8 codes of one bit have three: 0 is not excluded.)
inline kernels::BitCodes stored_codes(const Value& value) {
  const CodeRange range = code_range(value);
  return {range.low + storage_offset(value), 1,
          static_cast<int>(std::bit_width(static_cast<std::uint32_t>(range.high - range.low)))};
}

/// The bits of the weights that occur in a layer, and of its input.
inline LayerBits layer_bits(const WeightCodes& weights, const Value& input) {
  int largest = 0;
  for (const std::int8_t code : weights.codes) largest = std::max(largest, std::abs(int{code}));
  const int bits = kernels::fewest_bits(weights.codes.data(), static_cast<std::int64_t>(weights.codes.size())).bits;
  const int magnitudes = std::max(1, static_cast<int>(std::bit_width(static_cast<std::uint32_t>(largest))));
  return {bits, std::min(bits, magnitudes), stored_codes(input).bits};
}

/// The time of a layer with one kernel, from codes to codes, on one thread.
struct KernelTime {
  LayerShape shape;
  kernels::BitsKernel kernel = kernels::BitsKernel::kBytes;
  LayerBits bits;         ///< only those that matter to the kernel need to be right; see bits_matter
  double single_ns = 0;   ///< of a single image
  double batched_ns = 0;  ///< per image of a chunk of the engine
  /// An engine cannot know which it will get: the geometric mean of the two, so that ratios count.
  double ns() const { return std::sqrt(single_ns * batched_ns); }
};

/// Whether a time with bits `a` holds for bits `b`: unpacked bytes do not know how many bits they were.
inline bool bits_matter_alike(kernels::BitsKernel kernel, const LayerBits& a, const LayerBits& b) {
  switch (kernel) {
    case kernels::BitsKernel::kBytes:
      return true;
    case kernels::BitsKernel::kBitSerial:
      return a == b;
    default:
      return a.weights == b.weights;
  }
}

using KernelTable = std::vector<KernelTime>;

/// Factors of two between shapes; infinite between linear layers and others, and between numbers of groups. Pixels
/// count little: they are the same work again. The stride only breaks ties.
inline double shape_distance(const LayerShape& a, const LayerShape& b) {
  if (a.linear != b.linear || a.groups != b.groups) return HUGE_VAL;
  const auto factors = [](std::int64_t x, std::int64_t y) {
    return std::abs(std::log2(static_cast<double>(x) / static_cast<double>(y)));
  };
  return factors(a.in, b.in) + factors(a.out, b.out) + factors(a.taps, b.taps) + factors(a.pixels, b.pixels) / 4 +
         factors(a.stride, b.stride) / 1024;
}

/// A time says nothing about shapes further away than this.
inline constexpr double kFarthestShape = 2;
/// Bytes, which need no care for bits, are left only for this much less time.
inline constexpr double kClearGain = 1.1;

/// The kernels that can run the layer in the engine; bytes always can.
inline bool applicable(kernels::BitsKernel kernel, const ConvOp& op, const Value& input) {
  return kernel == kernels::BitsKernel::kBytes ||
         (input.type != ValueType::kF32 &&
          kernels::applicable(kernel, op.geometry, op.weights.bits, input.bits, op.weights.grid));
}

/// The time, of the table, of the kernel that a layer gets: by the times of the nearest shape the fastest one, bytes
/// where nothing clearly beats them. Null if no shape is near. `can` says whether a kernel other than bytes runs the
/// layer.
template <class Can>
const KernelTime* choose_time(const KernelTable& table, const LayerShape& shape, const LayerBits& bits, Can&& can) {
  // Of equals the last, so that measurements may be appended to a table.
  const KernelTime* bytes = nullptr;
  double nearest = kFarthestShape;
  for (const KernelTime& time : table)
    if (const double far = shape_distance(time.shape, shape);
        time.kernel == kernels::BitsKernel::kBytes && far <= nearest) {
      nearest = far;
      bytes = &time;
    }
  if (bytes == nullptr || shape.groups != 1) return bytes;
  const KernelTime* fastest = bytes;
  double least = bytes->ns() / kClearGain;
  for (const KernelTime& time : table) {
    if (time.shape != bytes->shape || !bits_matter_alike(time.kernel, time.bits, bits)) continue;
    if (time.kernel == kernels::BitsKernel::kBytes || !can(time.kernel)) continue;
    if (time.ns() >= least) continue;
    least = time.ns();
    fastest = &time;
  }
  return fastest;
}

/// The kernel that `choose_time` gives the layer; bytes without times.
inline kernels::BitsKernel choose_kernel(const KernelTable& table, const ConvOp& op, const Value& input) {
  const KernelTime* time = choose_time(table, layer_shape(op.geometry), layer_bits(op.weights, input),
                                       [&](kernels::BitsKernel kernel) { return applicable(kernel, op, input); });
  return time == nullptr ? kernels::BitsKernel::kBytes : time->kernel;
}

/// Packs the weights of a layer for a kernel that is applicable.
inline kernels::AnyConv2d pack_layer(kernels::BitsKernel kernel, const ConvOp& op, const Value& input) {
  const std::int32_t offset = storage_offset(input);
  return kernels::pack_any_conv2d(kernel, op.geometry, op.weights.codes.data(), stored_codes(input), offset,
                                  static_cast<std::uint8_t>(input.zero_point + offset));
}

}  // namespace bitgrain::deploy
