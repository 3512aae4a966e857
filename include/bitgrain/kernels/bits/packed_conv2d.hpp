#pragma once

/// Weights of a bit-serial convolution, split into planes of bits and arranged once for the microkernel.
///
/// Input levels are u = sum over j of 2^j u_j, in bits. A pass over the bits under an output pixel counts one logical
/// function of a weight plane and an input plane; passes are added by Horner's scheme from the highest power of two
/// down. Which planes a weight has depends on the codes that occur:
///
/// - Sign and magnitude, w = +-(sum over i of 2^i m_i) with sign bits s:
///       sum of w u = sum over i, j of 2^(i+j) (popcount((u_j ^ s) & m_i) - popcount(s & m_i))
///   The last term is a constant per output channel. -1, 0 and +1 take one pass per input bit; so do -1 and +1, where
///   the mask is left out (the XNOR product) unless bits are left over at a run's end.
/// - Levels, w = lowest + spacing * (sum over i of 2^i w_i), where these are as few planes, because AND alone is
/// faster:
///       sum of w u = spacing * sum over i, j of 2^(i+j) popcount(u_j & w_i) + lowest * sum of u
///   The last term is one number per output pixel, found while the input is split.
/// - Two by two bits in three passes, not four. For levels w and u of 0 .. 3 with bits w1 w0, u1 u0
///       w u = [u0 & w0] - 2 ([(u1 ^ w1) & !(u1 ^ u0)] + [(u1 ^ w1) & !(w1 ^ w0)]) - f(w) - g(u)
///       f = -1 -1 -3 -5,   g = 1 1 -1 -3
///   with one instruction per bracket; f and g are a constant per output channel and a number per output pixel.
///   (Found by a search over all functions of two planes on one side and one on the other. The middle bracket has no
///   weight that makes it constant, so no bits may be left over at a run's end.)
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

/// What a pass counts, of an input plane x and weight planes.
enum class BitLogic : std::uint8_t {
  kCommon,     ///< x & mask
  kDiffering,  ///< x ^ sign
  kSigned,     ///< (x ^ sign) & mask
  kWithin,     ///< (x ^ sign) & y for another input plane y
};

struct BitPass {
  BitLogic logic = BitLogic::kCommon;
  std::int32_t multiply = 1;  ///< what the sums so far are multiplied by before the pass
  int input = 0;              ///< input plane x
  int input_mask = 0;         ///< input plane y
  int sign = 0, mask = 0;     ///< weight planes
};

struct PackedBitConv2d {
  ConvGeometry geometry;     ///< its batch is not used
  BitCodes input;            ///< the bytes that may occur in the input
  std::int32_t padding = 0;  ///< level of the code outside the image
  int split_shift = 0;       ///< bit of (byte - lowest) that is bit 0 of the level
  bool two_by_two = false;   ///< three passes instead of four
  int input_planes = 0;      ///< input.bits; with two_by_two a third one, !(u1 ^ u0)
  int weight_planes = 0;     ///< per block
  std::int64_t pixel_bytes = 0, run_bytes = 0;
  std::int64_t runs = 0, words = 0, blocks = 0;
  Tensor<std::uint8_t> weights;
  std::vector<BitPass> passes;
  int shift = 0;                    ///< the final sums times 2^shift
  std::vector<std::int32_t> start;  ///< [16 blocks]: plus this, per output channel
  bool has_values = false;          ///< plus value(level), per input of the output pixel
  std::vector<std::int32_t> level_value;

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
  const bool whole_words = geometry.in_channels % 8 == 0 && packed.run_bytes % kBitWordBytes == 0;
  packed.two_by_two = levels.bits == 2 && magnitudes == 2 && input.bits == 2 && whole_words;
  const bool by_levels = !packed.two_by_two && levels.bits == magnitudes && magnitudes > 1;
  const bool masked = magnitudes > 1 || !whole_words || levels.spacing != 2;
  const bool by_sign = !packed.two_by_two && !by_levels;
  packed.input_planes = packed.two_by_two ? 3 : input.bits;
  packed.weight_planes = packed.two_by_two ? 3 : magnitudes + (by_sign && masked ? 1 : 0);
  const std::int32_t factor = input.spacing * (by_sign ? 1 : levels.spacing);
  packed.shift = std::countr_zero(static_cast<std::uint32_t>(factor));

  constexpr std::int32_t f[4] = {-1, -1, -3, -5}, g[4] = {1, 1, -1, -3};
  packed.has_values = !by_sign;
  for (std::int32_t u = 0; packed.has_values && u < std::int32_t{1} << input.bits; ++u)
    packed.level_value.push_back(input.spacing * levels.lowest * u - (packed.two_by_two ? factor * g[u] : 0));
  if (packed.two_by_two) {
    packed.passes = {
        {BitLogic::kWithin, 1, 1, 2, 1, 0}, {BitLogic::kSigned, 1, 1, 0, 1, 2}, {BitLogic::kCommon, -2, 0, 0, 0, 0}};
  } else {
    const BitLogic logic = by_levels ? BitLogic::kCommon : masked ? BitLogic::kSigned : BitLogic::kDiffering;
    for (int sum = magnitudes + input.bits - 2; sum >= 0; --sum) {
      bool first = sum < magnitudes + input.bits - 2;
      for (int i = std::max(0, sum - input.bits + 1); i <= std::min(sum, magnitudes - 1); ++i, first = false)
        packed.passes.push_back({logic, first ? 2 : 1, sum - i, 0, 0, by_levels ? i : 1 + i});
    }
  }

  packed.weights = Tensor<std::uint8_t>(Shape{packed.blocks, packed.block_bytes()}, std::uint8_t{0});
  std::uint8_t* to = packed.weights.mutable_data();
  // Modulo 2^32, as the counters.
  std::vector<std::uint32_t> start(static_cast<std::size_t>(packed.blocks * kBitLanes), 0);
  const std::int32_t all_ones = (std::int32_t{1} << input.bits) - 1;
  detail::for_each_weight_bit(packed, [&](std::int64_t index, std::int64_t o, std::int64_t run, std::int64_t bit) {
    const std::int32_t value = w[index], level = levels.level(value), magnitude = value < 0 ? -value : value;
    const auto set = [&](int plane, bool one) {
      if (one) detail::set_weight_bit(packed, to, o, plane, run, bit);
    };
    std::int32_t constant = (input.lowest - input_offset) * value;
    if (packed.two_by_two) {
      set(0, (level & 1) != 0);
      set(1, (level & 2) != 0);
      set(2, level == 0 || level == 3);
      constant -= factor * f[level];
    } else if (by_levels) {
      for (int i = 0; i < magnitudes; ++i) set(i, (level >> i & 1) != 0);
    } else {
      set(0, value < 0);
      if (masked)
        for (int i = 0; i < magnitudes; ++i) set(1 + i, (magnitude >> i & 1) != 0);
      if (value < 0) constant -= input.spacing * all_ones * magnitude;
    }
    start[static_cast<std::size_t>(o)] += static_cast<std::uint32_t>(constant);
  });
  for (const std::uint32_t v : start) packed.start.push_back(static_cast<std::int32_t>(v));
  return packed;
}

}  // namespace bitgrain::kernels
