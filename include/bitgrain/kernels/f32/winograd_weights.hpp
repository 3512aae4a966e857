#pragma once

/// The gradient of a 3x3 or 5x5 convolution with respect to its weights by Winograd's method
/// (winograd_transform.hpp):
///
///     dw[o, ., ., i] = A_K^T [sum over tiles of (G_R dy[o] G_R^T) (.) (B^T x[i] B)] A_K
///
/// A batch of tiles is transformed; then, for a few input channels and output channels at a time, the 36 sums over
/// the batch are formed and transformed to their share of dw. The larger the batch, the rarer this last transform (a
/// tenth of the products' time at 50 tiles), so that batches fill a part of the third-level cache, and the sums in
/// between stay in the second-level one.
///
/// Work is cut into chunks of tiles x slices of output channels, whose number depends on the problem alone; each
/// chunk has a dw of its own, and these are added in order.

#include <algorithm>
#include <bit>
#include <cstdint>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/columns.hpp"
#include "bitgrain/kernels/f32/conv2d_blocks.hpp"
#include "bitgrain/kernels/f32/winograd.hpp"

namespace bitgrain::kernels {
namespace detail {

// How the sum is cut: into up to 16 chunks of at least 96 tiles, a power of two for threads to share evenly, whose
// copies of dw take at most 8 MB; where these are fewer than 4, into slices of at least 128 output channels too, each
// of which transforms the inputs anew. A batch of tiles takes at most 4 MB.
struct WinogradWeightPlan {
  std::int64_t chunks, per_chunk, slices, slice, batch;

  WinogradWeightPlan(std::int64_t tiles, std::int64_t taps, std::int64_t in, std::int64_t out, std::int64_t lanes) {
    constexpr auto kFloat = static_cast<std::int64_t>(sizeof(float));
    const std::int64_t fit = std::clamp<std::int64_t>((8 << 20) / (taps * in * out * kFloat), 1, 16);
    chunks = static_cast<std::int64_t>(
        std::bit_floor(static_cast<std::uint64_t>(std::clamp<std::int64_t>(tiles / 96, 1, fit))));
    per_chunk = (tiles + chunks - 1) / chunks;
    chunks = (tiles + per_chunk - 1) / per_chunk;
    const std::int64_t wanted = std::clamp<std::int64_t>(out / 128, 1, (3 + chunks) / chunks);
    slice = ((out + wanted - 1) / wanted + lanes - 1) / lanes * lanes;
    slices = (out + slice - 1) / slice;
    const std::int64_t most =
        std::clamp<std::int64_t>((4 << 20) / (kWinogradPoints * (in + slice) * kFloat), 32, 256);
    const std::int64_t batches = (per_chunk + most - 1) / most;
    batch = (per_chunk + batches - 1) / batches;
  }
};

// The gradient of a slice of filters, added up batch by batch.
template <class Arch, int K>
class WinogradWeightSum {
 public:
  WinogradWeightSum(const ConvGeometry& g, std::int64_t batch, std::int64_t slice)
      : g_(g), inputs_(batch, g.in_channels), gradients_(batch, slice), sums_(kOuts, kIns) {}

  // Adds the tiles [begin, end) for the output channels [first, first + count) to dw, or overwrites dw with them.
  void add(const WinogradTiles& tiles, std::int64_t begin, std::int64_t end, std::int64_t first, std::int64_t count,
           const float* x, const float* dy, float* dw, bool accumulate) {
    const std::int64_t in = g_.in_channels;
    transform_inputs<Arch, kWinogradIn, kOut>(
        tiles, begin, end, {x, g_.batch, g_.in_h, g_.in_w, in}, 0, in, g_.window.pad_h, g_.window.pad_w,
        [](const V(&d)[kWinogradIn], V(&t)[kWinogradIn]) { winograd_input(d, t); }, inputs_);
    transform_inputs<Arch, kOut, kOut>(
        tiles, begin, end, {dy, g_.batch, g_.out_h(), g_.out_w(), g_.out_channels}, first, count, 0, 0,
        [](const V(&d)[kOut], V(&t)[kWinogradIn]) { winograd_values(d, t); }, gradients_);
    for (std::int64_t c = 0; c < in; c += kIns)
      for (std::int64_t o = 0; o < count; o += kOuts) {
        const std::int64_t outs = std::min(kOuts, count - o), ins = std::min(kIns, in - c);
        for (int point = 0; point < kWinogradPoints; ++point)
          winograd_product<Arch, true>(
              outs, (ins + kL - 1) / kL,
              {end - begin, gradients_.at(point, 0) + o, 1, gradients_.row(), inputs_.at(point, 0) + c, kL,
               inputs_.row(), sums_.at(point, 0), sums_.row()});
        for (std::int64_t r = 0; r < outs; ++r)
          for (std::int64_t v = 0; v < ins; v += kL)
            store(sums_.at(0, r) + v, dw + (first + o + r) * K * K * in + c + v, std::min(kL, ins - v), accumulate);
      }
  }

 private:
  using V = Vec<float, Arch>;
  static constexpr std::int64_t kL = kLanes<float, Arch>;
  static constexpr int kOut = winograd_out(K);
  static constexpr std::int64_t kOuts = 64, kIns = 2 * kL;  // whose sums are formed at a time

  void store(const float* sum, float* dw, std::int64_t count, bool accumulate) const {
    const std::int64_t matrix = sums_.matrix(), in = g_.in_channels;
    transform_tile<V, kWinogradIn, K>([](const V(&m)[kWinogradIn], V(&w)[K]) { winograd_coefficients(m, w); },
                                      [&](int i, int j) { return load_all<V>(sum + (i * kWinogradIn + j) * matrix); },
                                      [&](int i, int j, const V& v) {
                                        float* at = dw + (K * i + j) * in;
                                        store_lanes(at, count, accumulate ? load_lanes<V>(at, count) + v : v);
                                      });
  }

  const ConvGeometry& g_;
  WinogradMatrices<Arch> inputs_, gradients_, sums_;
};

template <class Arch, int K>
void winograd_backward_weights(const ConvGeometry& g, const float* x, const float* dy, float* dw) {
  const WinogradTiles tiles = winograd_tiles(g, g.out_h(), g.out_w());
  const std::int64_t size = g.weight_size(), out = g.out_channels;
  if (tiles.count() == 0) {
    std::fill_n(dw, size, 0.0F);
    return;
  }
  const WinogradWeightPlan plan(tiles.count(), K * K, g.in_channels, out, kLanes<float, Arch>);
  Scratch<float> parts(static_cast<std::size_t>(plan.chunks > 1 ? plan.chunks * size : 0));
  float* const first_part = plan.chunks > 1 ? parts.data() : dw;
  parallel_for(plan.chunks * plan.slices, 1, [&](std::int64_t unit, std::int64_t last) {
    WinogradWeightSum<Arch, K> sum(g, plan.batch, plan.slice);
    for (; unit < last; ++unit) {
      const std::int64_t chunk = unit / plan.slices, first = unit % plan.slices * plan.slice;
      const std::int64_t begin = chunk * plan.per_chunk, end = std::min(tiles.count(), begin + plan.per_chunk);
      for (std::int64_t t = begin; t < end; t += plan.batch)
        sum.add(tiles, t, std::min(end, t + plan.batch), first, std::min(plan.slice, out - first), x, dy,
                first_part + chunk * size, t > begin);
    }
  });
  if (plan.chunks > 1) add_parts<float, Arch>(plan.chunks, size, first_part, dw);
}

}  // namespace detail

/// winograd_wins for the gradient with respect to the weights, which transforms its result instead of the filters.
inline bool winograd_weights_win(const ConvGeometry& g) {
  return winograd_applies(g) && detail::winograd_is_faster(g, detail::winograd_tiles(g, g.out_h(), g.out_w()), 250);
}

/// dw of kernels::conv2d_backward_weights by Winograd's method, for geometries to which it applies.
template <class Arch = DefaultArch>
void winograd_backward_weights(const ConvGeometry& g, const float* x, const float* dy, float* dw) {
  if (g.window.kernel_h == 3) return detail::winograd_backward_weights<Arch, 3>(g, x, dy, dw);
  detail::winograd_backward_weights<Arch, 5>(g, x, dy, dw);
}

}  // namespace bitgrain::kernels
