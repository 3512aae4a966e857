#pragma once

/// Weights of a bit-serial convolution, split into planes of bits and arranged once for the microkernel.
///
/// With w = +-(sum over i of 2^i m_i) and input levels u = sum over j of 2^j x_j, both in bits,
///
///     sum of w u = sum over i, j of 2^(i+j) (popcount((x_j ^ s) & m_i) - popcount(s & m_i)),     s: the sign bits
///
/// so a pass over the bits for each pair (i, j), added by Horner's scheme from the highest i + j down, and a constant
/// per output channel. Weights -1 and +1 take one magnitude plane of ones (then a pass is the XNOR product), -1, 0
/// and +1 take one, too: as cheap as one bit.
///
/// Weights and inputs of two bits each take three passes, not four. For levels w and u of 0 .. 3 with bits w1 w0, u1
/// u0
///
///     w u = [!w0 & !u0] - 2 ([(u1 ^ w1) & !(u1 ^ u0)] + [(u1 ^ w1) & !(w1 ^ w0)]) - f(w) - g(u)
///     f = 0 -1 -2 -5,   g = 1 0 -1 -4
///
/// where every bracket is one instruction of three operands. The sum of f is a constant per output channel, that of g
/// one per output pixel, found while the input is split. (From a search over all such functions: two passes are not
/// enough. The middle bracket has no weight that makes it constant, so here no bits may be left over at a run's end.)
///
/// A pixel takes ceil(I / 8) bytes of every input plane. Seen as an image with so many channels, everything lies as
/// in an int8 convolution (kernels/int8/packed_conv2d.hpp): `runs` stretches of input under one output pixel, each
/// padded to whole words with zero masks,
///
///     weights [blocks of 16 output channels][planes][runs][words][16 channels][4 bytes]

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "bitgrain/kernels/bits/codes.hpp"
#include "bitgrain/kernels/bits/popcount.hpp"
#include "bitgrain/tensor/geometry.hpp"
#include "bitgrain/tensor/tensor.hpp"

namespace bitgrain::kernels {

/// One pass over the bits under an output pixel: adds popcount((x ^ sign) & mask).
struct BitPass {
  std::int32_t multiply = 1;  ///< what the sums so far are multiplied by before the pass
  int input = 0;              ///< input plane x
  int input_mask = -1;        ///< input plane that is the mask, or -1: then it is a weight plane
  int sign = 0, mask = 0;     ///< weight planes
};

struct PackedBitConv2d {
  ConvGeometry geometry;     ///< its batch is not used
  BitCodes input;            ///< the bytes that may occur in the input
  std::int32_t padding = 0;  ///< level of the code outside the image
  int split_shift = 0;       ///< bit of (byte - lowest) that is bit 0 of the level
  int input_planes = 0;      ///< input.bits; with two_by_two a third one, !(u1 ^ u0)
  bool two_by_two = false;   ///< three passes instead of four
  int weight_planes = 0;     ///< per block
  std::int64_t pixel_bytes = 0, run_bytes = 0;
  std::int64_t runs = 0, words = 0, blocks = 0;
  Tensor<std::uint8_t> weights;
  std::vector<BitPass> passes;
  std::int32_t factor = 1;           ///< what the final sums are multiplied by
  std::vector<std::int32_t> start;   ///< [16 blocks]: then added, per output channel
  std::int32_t level_value[4] = {};  ///< two_by_two: then added, per input of the pixel by its level

  std::int64_t plane_bytes() const { return runs * words * kBitBlockBytes; }
  std::int64_t block_bytes() const { return weight_planes * plane_bytes(); }
};

namespace detail {

// Calls visit(index into w, output channel, run, bit of the run) for every weight.
template <class Visit>
void for_each_weight_bit(const PackedBitConv2d& conv, Visit&& visit) {
  const ConvGeometry& g = conv.geometry;
  const bool whole_rows = conv.runs == g.window.kernel_h;
  std::int64_t index = 0;
  for (std::int64_t o = 0; o < g.out_channels; ++o)
    for (std::int64_t ky = 0; ky < g.window.kernel_h; ++ky)
      for (std::int64_t kx = 0; kx < g.window.kernel_w; ++kx) {
        const std::int64_t run = whole_rows ? ky : ky * g.window.kernel_w + kx;
        const std::int64_t first = whole_rows ? kx * conv.pixel_bytes * 8 : 0;
        for (std::int64_t i = 0; i < g.in_channels; ++i) visit(index++, o, run, first + i);
      }
}

inline void set_weight_bit(PackedBitConv2d& conv, std::uint8_t* weights, std::int64_t channel, int plane,
                           std::int64_t run, std::int64_t bit) {
  const std::int64_t word = run * conv.words + bit / kBitWord, byte = bit % kBitWord / 8;
  weights[channel / kBitLanes * conv.block_bytes() + plane * conv.plane_bytes() + word * kBitBlockBytes +
          channel % kBitLanes * kBitWordBytes + byte] |= static_cast<std::uint8_t>(1u << (bit % 8));
}

}  // namespace detail

/// Packs w [O,Kh,Kw,I], one group, for inputs whose byte b means b - input_offset (128 for s8 codes stored +128),
/// with the byte `padding` standing outside the image. Only bytes of `input` may occur; `padding` must be among them,
/// or among them without gaps. Throws Error if the geometry does not exist or has groups.
inline PackedBitConv2d pack_bit_conv2d(const ConvGeometry& geometry, const std::int8_t* w, BitCodes input,
                                       std::int32_t input_offset = 0, std::uint8_t padding = 0) {
  geometry.validate("bit-serial convolution");
  BITGRAIN_CHECK(geometry.groups == 1, "bit-serial convolution: one group is needed, got ", geometry.groups);
  BITGRAIN_CHECK(input.bits >= 1 && input.bits <= 8 && (input.spacing == 1 || input.spacing == 2) &&
                     input.lowest >= 0 && input.highest() <= 255,
                 "bit-serial convolution: inputs must be bytes of 1 to 8 bits, got ", input.bits, " bits from ",
                 input.lowest, " in steps of ", input.spacing);
  const Window2d& window = geometry.window;
  const bool padded = window.pad_h > 0 || window.pad_w > 0;
  if (padded && !input.contains(padding) && input.spacing == 2)  // the real 0 lies between the codes
    input = {input.lowest, 1, input.bits + 1};
  BITGRAIN_CHECK(!padded || input.contains(padding), "bit-serial convolution: the padding ", int{padding},
                 " is no code of ", input.bits, " bits from ", input.lowest);

  PackedBitConv2d packed;
  packed.geometry = geometry;
  packed.input = input;
  packed.padding = padded ? input.level(padding) : 0;
  packed.split_shift = input.spacing == 2 ? 1 : 0;
  packed.pixel_bytes = (geometry.in_channels + 7) / 8;
  const bool whole_rows = window.dilation_w == 1 || window.kernel_w == 1;
  packed.runs = whole_rows ? window.kernel_h : window.kernel_h * window.kernel_w;
  packed.run_bytes = whole_rows ? window.kernel_w * packed.pixel_bytes : packed.pixel_bytes;
  packed.words = (packed.run_bytes + kBitWordBytes - 1) / kBitWordBytes;
  packed.blocks = (geometry.out_channels + kBitLanes - 1) / kBitLanes;

  const std::int64_t count = geometry.weight_size();
  std::int32_t largest = 0;
  for (std::int64_t i = 0; i < count; ++i) largest = std::max(largest, w[i] < 0 ? -w[i] : w[i]);
  const int magnitudes = std::max(1, static_cast<int>(std::bit_width(static_cast<std::uint32_t>(largest))));
  const BitCodes levels = fewest_bits(w, count);
  packed.two_by_two = levels.bits == 2 && magnitudes == 2 && input.bits == 2 && geometry.in_channels % 8 == 0 &&
                      packed.run_bytes % kBitWordBytes == 0;
  packed.input_planes = packed.two_by_two ? 3 : input.bits;
  packed.weight_planes = packed.two_by_two ? 3 : 1 + magnitudes;
  packed.factor = input.spacing * (packed.two_by_two ? levels.spacing : 1);

  constexpr std::int32_t f[4] = {0, -1, -2, -5}, g[4] = {1, 0, -1, -4};
  if (packed.two_by_two) {
    packed.passes = {{1, 1, 2, 1, 0}, {1, 1, -1, 1, 2}, {-2, 0, -1, 0, 0}};
    for (std::int32_t u = 0; u < 4; ++u)
      packed.level_value[u] = input.spacing * (levels.lowest * u - levels.spacing * g[u]);
  } else {
    for (int sum = magnitudes + input.bits - 2; sum >= 0; --sum) {
      bool first = sum < magnitudes + input.bits - 2;
      for (int i = std::max(0, sum - input.bits + 1); i <= std::min(sum, magnitudes - 1); ++i, first = false)
        packed.passes.push_back({first ? 2 : 1, sum - i, -1, 0, 1 + i});
    }
  }

  packed.weights = Tensor<std::uint8_t>(Shape{packed.blocks, packed.block_bytes()}, std::uint8_t{0});
  std::uint8_t* to = packed.weights.mutable_data();
  // Modulo 2^32, as the counters.
  std::vector<std::uint32_t> start(static_cast<std::size_t>(packed.blocks * kBitLanes), 0);
  const std::int32_t all_ones = (std::int32_t{1} << input.bits) - 1;
  detail::for_each_weight_bit(packed, [&](std::int64_t index, std::int64_t o, std::int64_t run, std::int64_t bit) {
    const std::int32_t value = w[index];
    const auto set = [&](int plane) { detail::set_weight_bit(packed, to, o, plane, run, bit); };
    std::int32_t constant = (input.lowest - input_offset) * value;
    if (packed.two_by_two) {
      const std::int32_t level = levels.level(value);
      if ((level & 1) == 0) set(0);
      if ((level & 2) != 0) set(1);
      if (level == 0 || level == 3) set(2);
      constant -= packed.factor * f[level];
    } else {
      const std::int32_t magnitude = value < 0 ? -value : value;
      if (value < 0) {
        set(0);
        constant -= input.spacing * all_ones * magnitude;
      }
      for (int i = 0; i < magnitudes; ++i)
        if ((magnitude >> i & 1) != 0) set(1 + i);
    }
    start[static_cast<std::size_t>(o)] += static_cast<std::uint32_t>(constant);
  });
  for (const std::uint32_t v : start) packed.start.push_back(static_cast<std::int32_t>(v));
  return packed;
}

}  // namespace bitgrain::kernels
