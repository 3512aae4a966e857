#pragma once

/// The backward passes of a convolution with operands rounded to bf16 and sums in float (bf16/pairs.hpp has the error
/// bound): about twice as fast as in float where the processor multiplies bf16 (AVX-512 BF16), the same results to
/// the bound, slowly, elsewhere.
///
/// Where Winograd's method in float takes less time than a direct sum in bf16 it is used instead, and so are the
/// float kernels of depthwise convolutions, of stems and of channel counts that do not come in pairs: these are more
/// exact, and not bound by multiplications.

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/bf16/conv2d_weight_pairs.hpp"
#include "bitgrain/kernels/bf16/pairs.hpp"
#include "bitgrain/kernels/f32/code_bytes.hpp"
#include "bitgrain/kernels/f32/conv2d.hpp"

namespace bitgrain::kernels {

namespace detail {

// Whether Winograd's method in float, where it beats a direct sum in float, beats one in bf16 as well (measured on
// Zen 4: 1.2 to 1.6 times as fast at 32 channels and more, the same at 16; with 5x5 filters about the same).
inline bool winograd_beats_bf16(const ConvGeometry& g, bool wins) {
  return wins && winograd_enabled() && g.window.kernel_h == 3 && std::min(g.in_channels, g.out_channels) >= 32;
}

// All elements of a tensor that is paired along its last dimension.
inline void pair_all(std::int64_t pairs, const float* from, Bf16Pair* to) {
  parallel_for(pairs, 1 << 14, [&](std::int64_t begin, std::int64_t end) {
    pair_neighbours(end - begin, from + 2 * begin, to + begin);
  });
}

}  // namespace detail

/// As conv2d_backward_data, in bf16.
template <class Arch = DefaultArch>
void conv2d_backward_data_bf16(const ConvGeometry& g, const float* dy, const float* w, float* dx) {
  g.validate();
  if constexpr (kFromKernelSet<float, Arch>) return kernel_set().conv2d_backward_data_bf16(g, dy, w, dx);
  if (detail::winograd_beats_bf16(g, winograd_data_wins(g)) || is_depthwise(g) || is_stem(g) ||
      (is_pointwise(g) && detail::is_strided(g)) || g.group_out() % 2 != 0)
    return conv2d_backward_data<float, Arch>(g, dy, w, dx);
  // The sum runs over output channels: pairs of them are the channels of a convolution of half as many.
  ConvGeometry paired = g;
  paired.out_channels /= 2;
  const Scratch<Bf16Pair> dy_pairs(static_cast<std::size_t>(paired.output_size()));
  const Scratch<Bf16Pair> w_pairs(static_cast<std::size_t>(paired.weight_size()));
  detail::pair_all(paired.output_size(), dy, dy_pairs.data());
  const std::int64_t filter = g.window.kernel_h * g.window.kernel_w * g.group_in();
  for (std::int64_t o = 0; o < paired.out_channels; ++o)
    pair_rows<Arch>(filter, w + 2 * o * filter, w + (2 * o + 1) * filter, w_pairs.data() + o * filter);
  run_backward_data<Bf16Pair, Arch>(paired, dy_pairs.data(), w_pairs.data(), dx);
}

namespace detail {

// Whether dw is summed in bf16.
template <class Arch>
bool weights_in_pairs(const ConvGeometry& g, const ConvPlan& plan) {
  return !winograd_beats_bf16(g, winograd_weights_win(g)) && !is_depthwise(g) && !is_stem(g) && g.output_size() > 0 &&
         fits_weight_pairs<Arch>(plan);
}

// dw of x, floats or bytes that stand for byte - zero.
template <class Arch, class X>
void sum_weight_pairs(const ConvPlan& plan, const X* x, std::int32_t zero, const float* dy, float* dw) {
  const PixelBlocks blocks(plan.batch, plan.h.count, divide_up(kPairPixels, plan.w.count));
  sum_weight_gradient<float, Arch>(plan, blocks, false, x, dy, dw, [&](std::int64_t first, std::int64_t last) {
    return WeightPairs<Arch, X>(plan, blocks, first, last, zero);
  });
}

}  // namespace detail

/// As conv2d_backward_weights, in bf16; dbias is summed in float.
template <class Arch = DefaultArch>
void conv2d_backward_weights_bf16(const ConvGeometry& g, const float* x, const float* dy, float* dw, float* dbias) {
  g.validate();
  if constexpr (kFromKernelSet<float, Arch>) return kernel_set().conv2d_backward_weights_bf16(g, x, dy, dw, dbias);
  const ConvPlan plan = plan_forward(g);
  if (!detail::weights_in_pairs<Arch>(g, plan)) return conv2d_backward_weights<float, Arch>(g, x, dy, dw, dbias);
  detail::sum_weight_pairs<Arch>(plan, x, 0, dy, dw);
  if (dbias) column_sum<float, Arch>(g.batch * g.out_h() * g.out_w(), g.out_channels, dy, dbias);
}

/// As conv2d_backward_weights_bf16 for x of codes, a byte each, that stand for byte - zero: bf16 holds them exactly,
/// so dy alone is rounded.
template <class Arch = DefaultArch>
void conv2d_backward_weights_of_codes_bf16(const ConvGeometry& g, const std::uint8_t* x, std::int32_t zero,
                                           const float* dy, float* dw) {
  g.validate();
  if constexpr (!kFromKernelSet<float, Arch>) {
    const ConvPlan plan = plan_forward(g);
    if (detail::weights_in_pairs<Arch>(g, plan)) return detail::sum_weight_pairs<Arch>(plan, x, zero, dy, dw);
  }
  const Scratch<float> values(static_cast<std::size_t>(g.input_size()));
  values_of_bytes<float, Arch>(g.input_size(), x, 1.0F, zero, values.data());
  conv2d_backward_weights_bf16<Arch>(g, values.data(), dy, dw, nullptr);
}

/// The instances of one architecture (kernels/instances.hpp); `linkage` is extern, or empty.
#define BITGRAIN_CONV2D_BF16_INSTANCES(linkage, Arch)                                                               \
  linkage template void conv2d_backward_data_bf16<Arch>(const ConvGeometry&, const float*, const float*, float*);   \
  linkage template void conv2d_backward_weights_bf16<Arch>(const ConvGeometry&, const float*, const float*, float*, \
                                                           float*);                                                 \
  linkage template void conv2d_backward_weights_of_codes_bf16<Arch>(const ConvGeometry&, const std::uint8_t*,       \
                                                                    std::int32_t, const float*, float*);

#if defined(BITGRAIN_EXTERN_KERNELS)
BITGRAIN_CONV2D_BF16_INSTANCES(extern, DefaultArch)
#endif

}  // namespace bitgrain::kernels
