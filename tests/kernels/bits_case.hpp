#pragma once

/// Random problems for the kernels of few bits.

#include <initializer_list>
#include <string>
#include <vector>

#include "bitgrain/base/random.hpp"
#include "bitgrain/kernels/bits/codes.hpp"
#include "bitgrain/tensor/geometry.hpp"

namespace bits_case {

using bitgrain::ConvGeometry;
using bitgrain::RandomStream;
using bitgrain::Window2d;
using bitgrain::kernels::BitCodes;

/// `count` codes, both ends often.
template <class Code>
std::vector<Code> random_codes(BitCodes codes, std::int64_t count, RandomStream& random) {
  std::vector<Code> result(static_cast<std::size_t>(count));
  const auto levels = static_cast<std::uint32_t>(1) << codes.bits;
  for (auto& code : result) {
    const std::uint32_t u = random.bernoulli(0.3) ? (random.bernoulli(0.5) ? levels - 1 : 0) : random.below(levels);
    code = static_cast<Code>(codes.lowest + codes.spacing * static_cast<std::int32_t>(u));
  }
  return result;
}

/// Weights of b bits on the signed (for one bit: -1 and +1), the symmetric and the odd grid.
inline BitCodes signed_codes(int bits) {
  if (bits == 1) return {-1, 2, 1};
  return {-(1 << (bits - 1)), 1, bits};
}
inline BitCodes odd_codes(int bits) { return {-((1 << bits) - 1), 2, bits}; }

inline std::int64_t pick(RandomStream& random, std::initializer_list<std::int64_t> from) {
  return from.begin()[random.below(static_cast<std::uint32_t>(from.size()))];
}

/// A convolution with an awkward window; one group.
inline ConvGeometry random_geometry(RandomStream& random) {
  for (;;) {
    ConvGeometry g;
    g.batch = pick(random, {1, 2, 3, 9});
    g.in_h = pick(random, {1, 2, 5, 8, 11});
    g.in_w = pick(random, {1, 3, 7, 8, 13});
    g.in_channels = pick(random, {1, 3, 8, 11, 16, 24, 32, 40});
    g.out_channels = pick(random, {1, 7, 16, 19, 32, 35});
    g.window = {pick(random, {1, 2, 3, 5}), pick(random, {1, 2, 3, 5}), pick(random, {1, 2, 3}),
                pick(random, {1, 2, 3}),    pick(random, {0, 1, 2}),    pick(random, {0, 1, 2}),
                pick(random, {1, 1, 2}),    pick(random, {1, 1, 3})};
    if (g.out_h() >= 1 && g.out_w() >= 1) return g;
  }
}

inline std::string describe(const ConvGeometry& g) {
  return bitgrain::detail::concat(
      "batch ", g.batch, " in ", g.in_h, "x", g.in_w, "x", g.in_channels, " out channels ", g.out_channels,
      " kernel ", g.window.kernel_h, "x", g.window.kernel_w, " stride ", g.window.stride_h, "x", g.window.stride_w,
      " pad ", g.window.pad_h, "x", g.window.pad_w, " dilation ", g.window.dilation_h, "x", g.window.dilation_w);
}

}  // namespace bits_case
