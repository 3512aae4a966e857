#pragma once

/// The gradient of a 3x3 convolution with respect to its weights by Winograd's method (winograd_transform.hpp):
///
///     dw[o, ., ., i] = A3^T [sum over tiles of (G4 dy[o] G4^T) (.) (B^T x[i] B)] A3
///
/// The sums are 36 matrices [out, in], each the product of the transformed output gradients [tiles, out], transposed,
/// with the transformed inputs [tiles, in]. Work is cut into chunks of tiles x slices of output channels, whose
/// number depends on the problem alone; each chunk has sums of its own, which are added in order.

#include <algorithm>
#include <cstdint>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/winograd.hpp"

namespace bitgrain::kernels {
namespace detail {

// How the sum is cut. 36 x out x in sums per chunk of tiles, at most 16 MB of them; slices of output channels, each
// of which transforms the inputs anew, where that leaves fewer than 4 units of work.
struct WinogradWeightPlan {
  std::int64_t chunks, per_chunk, slices, slice, block;

  WinogradWeightPlan(std::int64_t tiles, std::int64_t in_row, std::int64_t out, std::int64_t lanes) {
    const std::int64_t sums = kWinogradPoints * out * in_row * static_cast<std::int64_t>(sizeof(float));
    const std::int64_t work = tiles * kWinogradPoints * out * in_row;
    const std::int64_t wanted = std::clamp<std::int64_t>(work >> 23, 1, 8);
    chunks = std::clamp<std::int64_t>((16 << 20) / sums, 1, std::min(wanted, std::max<std::int64_t>(1, tiles / 64)));
    per_chunk = (tiles + chunks - 1) / chunks;
    chunks = (tiles + per_chunk - 1) / per_chunk;
    const std::int64_t wanted_slices = (std::min<std::int64_t>(wanted, 4) + chunks - 1) / chunks;
    slice = ((out + wanted_slices - 1) / wanted_slices + lanes - 1) / lanes * lanes;
    slices = (out + slice - 1) / slice;
    block = std::clamp<std::int64_t>(
        std::max((512 << 10) / (kWinogradPoints * 4 * (in_row + slice)), in_row * slice / (in_row + slice)), 8, 128);
    block = std::min(block, per_chunk);
  }
};

}  // namespace detail

/// winograd_wins for the gradient with respect to the weights, which transforms its result instead of the filters.
inline bool winograd_weights_win(const ConvGeometry& g) {
  if (!winograd_applies(g)) return false;
  const std::int64_t pixels = g.batch * g.out_h() * g.out_w(), in = g.in_channels, out = g.out_channels;
  const std::int64_t tiles = WinogradTiles(g.batch, g.out_h(), g.out_w()).count();
  return in * out >= 8 * (in + out) && 9 * pixels > 40 * tiles + 1000;
}

/// dw of kernels::conv2d_backward_weights by Winograd's method, for geometries to which it applies.
template <class Arch = DefaultArch>
void winograd_backward_weights(const ConvGeometry& g, const float* x, const float* dy, float* dw) {
  using V = Vec<float, Arch>;
  constexpr std::int64_t kL = kLanes<float, Arch>;
  const std::int64_t in = g.in_channels, in_row = (in + kL - 1) / kL * kL, out = g.out_channels;
  const WinogradTiles tiles(g.batch, g.out_h(), g.out_w());
  if (tiles.count() == 0) {
    std::fill_n(dw, g.weight_size(), 0.0F);
    return;
  }
  const detail::WinogradWeightPlan plan(tiles.count(), in_row, out, kL);
  const std::int64_t sums_size = kWinogradPoints * out * in_row;  // [chunk][point][out][in_row]
  Scratch<float> sums(static_cast<std::size_t>(plan.chunks * sums_size));

  parallel_for(plan.chunks * plan.slices, 1, [&](std::int64_t unit, std::int64_t last) {
    WinogradMatrices<Arch> inputs(plan.block, in), gradients(plan.block, plan.slice);
    for (; unit < last; ++unit) {
      const std::int64_t chunk = unit / plan.slices, first_out = unit % plan.slices * plan.slice;
      const std::int64_t outs = std::min(plan.slice, out - first_out);
      const std::int64_t chunk_end = std::min(tiles.count(), (chunk + 1) * plan.per_chunk);
      for (std::int64_t begin = chunk * plan.per_chunk; begin < chunk_end; begin += plan.block) {
        const std::int64_t end = std::min(chunk_end, begin + plan.block);
        detail::transform_inputs<Arch, kWinogradIn>(
            tiles, begin, end, {x, g.batch, g.in_h, g.in_w, in}, 0, in, g.window.pad_h, g.window.pad_w,
            [](const V(&d)[kWinogradIn], V(&t)[kWinogradIn]) { detail::winograd_input(d, t); }, inputs);
        detail::transform_inputs<Arch, kWinogradOut>(
            tiles, begin, end, {dy, g.batch, g.out_h(), g.out_w(), out}, first_out, outs, 0, 0,
            [](const V(&d)[kWinogradOut], V(&t)[kWinogradIn]) { detail::winograd_gradient(d, t); }, gradients);
        for (int point = 0; point < kWinogradPoints; ++point)
          winograd_product<Arch, true>(
              outs, in_row / kL,
              {end - begin, gradients.at(point, 0), 1, gradients.row(), inputs.at(point, 0), kL, inputs.row(),
               sums.data() + chunk * sums_size + (point * out + first_out) * in_row, in_row,
               begin > chunk * plan.per_chunk});
      }
    }
  });

  parallel_for(out, std::max<std::int64_t>(1, (1 << 12) / in_row), [&](std::int64_t o, std::int64_t last) {
    for (; o < last; ++o)
      for (std::int64_t c = 0; c < in; c += kL) {
        const std::int64_t count = std::min(kL, in - c);
        detail::transform_tile<V, kWinogradIn, 3>(
            [](const V(&m)[kWinogradIn], V(&w)[3]) { detail::winograd_weights(m, w); },
            [&](int i, int j) {
              const float* at = sums.data() + ((i * kWinogradIn + j) * out + o) * in_row + c;
              V sum = load_all<V>(at);
              for (std::int64_t chunk = 1; chunk < plan.chunks; ++chunk) sum += load_all<V>(at + chunk * sums_size);
              return sum;
            },
            [&](int i, int j, const V& v) { store_first(dw + ((o * 3 + i) * 3 + j) * in + c, count, v); });
      }
  });
}

}  // namespace bitgrain::kernels
