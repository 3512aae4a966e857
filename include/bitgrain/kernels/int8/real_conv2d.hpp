#pragma once

/// A convolution on codes whose result is real numbers: the forward pass of training.
///
/// Accumulators turn into y = scale_o * acc + bias_o while their band is in the first-level cache, and where batch
/// norm follows, the same pass gathers its statistics: y is written once and not read. Where accumulators fit 16 bits
/// batch norm takes them as they are (batch_norm_quantize.hpp). Chunks of images depend on the geometry alone, so the
/// statistics do not depend on the number of threads.

#include <algorithm>
#include <cstdint>

#include "bitgrain/kernels/f32/column_moments.hpp"
#include "bitgrain/kernels/f32/convert_lanes.hpp"
#include "bitgrain/kernels/int8/conv2d.hpp"

namespace bitgrain::kernels {

/// Whether no accumulator of a convolution leaves int16, its weights [O, per_output] being `w` and its inputs lying
/// in low .. high, low <= 0 <= high.
inline bool sums_fit_int16(std::int64_t outputs, std::int64_t per_output, const std::int8_t* w, std::int64_t low,
                           std::int64_t high) {
  for (std::int64_t o = 0; o < outputs; ++o) {
    std::int32_t sum = 0, sizes = 0;  // per_output * 128 fits: convolutions have fewer than 2^24 products
    for (std::int64_t i = 0; i < per_output; ++i) {
      sum += w[o * per_output + i];
      sizes += w[o * per_output + i] < 0 ? -w[o * per_output + i] : w[o * per_output + i];
    }
    const std::int64_t positive = (sizes + sum) / 2, negative = (sizes - sum) / 2;
    if (high * positive - low * negative > 32767 || high * negative - low * positive > 32767) return false;
  }
  return true;
}

/// Where the result goes: real numbers, or sums as they are.
template <class T>
struct RealOutput {
  T* values = nullptr;
  std::int16_t* sums = nullptr;
};

/// y [N,Ho,Wo,O] = scale[o] * sum(x w) + bias[o] for x [N,H,W,I] as packed weights want it; the sums are exact.
/// `bias` may be null, and is if y are the bare sums. `mean` and `var_biased` [O] receive the statistics of y by
/// channel, unless they are null.
template <class T, class Arch = DefaultArch, class Dot = BestDot>
void conv2d_u8s8_real(const PackedConv2d& conv, std::int64_t batch, const std::uint8_t* x, const T* scale,
                      std::type_identity_t<const T*> bias, const RealOutput<T>& y, std::type_identity_t<T*> mean,
                      std::type_identity_t<T*> var_biased) {
  using V = Vec<T, Arch>;
  const ConvGeometry& g = conv.geometry;
  const std::int64_t channels = g.out_channels, image_in = g.in_h * g.in_w * g.in_channels;
  const std::int64_t image_pixels = g.out_h() * g.out_w();
  const std::int64_t image_macs = image_pixels * channels * g.window.kernel_h * g.window.kernel_w * g.group_in();
  // At least a million multiply-accumulates per chunk, and at most 64 chunks.
  const std::int64_t images =
      std::max<std::int64_t>({1, (std::int64_t{1} << 20) / std::max<std::int64_t>(1, image_macs), (batch + 63) / 64});
  ChunkedMoments moments(mean ? (batch + images - 1) / images : 1, mean ? channels : 0);
  // The center of a first block comes from few rows: enough for a mean within a fraction of the deviation.
  constexpr std::int64_t kProbe = 32;

  // `values`, `shifted`: whether y are real numbers, and whether there is a bias.
  const auto run = [&](auto values, auto shifted) {
    parallel_for(batch, images, [&](std::int64_t begin, std::int64_t end) {
      const Scratch<T> center(static_cast<std::size_t>(channels));
      conv2d_u8s8_bands<Dot>(conv, end - begin, x + begin * image_in,
                             [&](std::int64_t first, std::int64_t count, const std::int32_t* acc) {
                               const std::int64_t at = (begin * image_pixels + first) * channels;
                               const auto convert = [=, &y](std::int64_t c, auto lanes) {
                                 V shift(T{0});
                                 if constexpr (shifted) shift = load_lanes<V>(bias + c, lanes);
                                 return [=, &y, factor = load_lanes<V>(scale + c, lanes)](std::int64_t r) {
                                   const std::int64_t i = r * channels + c;
                                   V v = load_int32<V>(acc + i, lanes) * factor;
                                   if constexpr (shifted) v = v + shift;
                                   if constexpr (values)
                                     store_lanes(y.values + at + i, lanes, v);
                                   else
                                     narrow_int32<V>(y.sums + at + i, acc + i, lanes);
                                   return v;
                                 };
                               };
                               if (mean)
                                 moments.add<T, Arch>(begin / images, center.data(), count, kProbe, convert);
                               else
                                 for_each_column_group<T, Arch>(
                                     channels, [&](std::int64_t c, auto lanes, auto group) {
                                       auto vectors = detail::prepare_group<kLanes<T, Arch>>(
                                           convert, c, lanes, std::make_index_sequence<decltype(group)::value>());
                                       for (std::int64_t r = 0; r < count; ++r)
#pragma GCC unroll 4
                                         for (auto& vector : vectors) vector(r);
                                     });
                             });
    });
  };
  if (y.sums)
    run(std::false_type(), std::false_type());
  else if (bias)
    run(std::true_type(), std::true_type());
  else
    run(std::true_type(), std::false_type());
  if (mean) moments.finish(mean, var_biased);
}

/// The instance of training (kernels/instances.hpp); `linkage` is extern, or empty.
#define BITGRAIN_CONV2D_REAL_INSTANCES(linkage)                                                                     \
  linkage template void conv2d_u8s8_real<float, DefaultArch, BestDot>(                                              \
      const PackedConv2d&, std::int64_t, const std::uint8_t*, const float*, const float*, const RealOutput<float>&, \
      float*, float*);

#if defined(BITGRAIN_EXTERN_KERNELS)
BITGRAIN_CONV2D_REAL_INSTANCES(extern)
#endif

}  // namespace bitgrain::kernels
