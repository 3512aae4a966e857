#pragma once

/// Depthwise convolution: every channel has a filter of its own (groups = channels = filters). Vectors run along the
/// channels, so nothing is broadcast:
///
///     forward and data    y[pixel, c] = sum over taps of x[pixel + tap, c] * w[tap, c]       8 pixels at a time
///     weights             dw[tap, c]  = sum over pixels of x[pixel + tap, c] * dy[pixel, c]  10 taps at a time
///
/// Both keep enough sums in registers to hide the latency of the multiply-add. Weights are packed as [tap][channel].

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/conv2d_blocks.hpp"
#include "bitgrain/kernels/f32/conv2d_direct.hpp"
#include "bitgrain/kernels/f32/conv2d_plan.hpp"
#include "bitgrain/kernels/f32/conv2d_strip.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// Whether a convolution is depthwise with one filter per channel.
inline bool is_depthwise(const ConvGeometry& g) { return g.groups == g.in_channels && g.groups == g.out_channels; }

namespace detail {

inline constexpr int kDepthwiseTaps = 10;

// Lanes of a vector of channels: all of them, or the first `count`. Which is known at compile time, because the loops
// below do little else than load.
template <class V, bool kAll>
V load_channels(const typename V::value_type* p, std::int64_t count) {
  if constexpr (kAll) return load_all<V>(p);
  return load_first<V>(p, count);
}

// One vector of channels (of which `channels` count) of P output pixels in a row, `x_step` and `y_step` apart.
template <class T, class Arch, int P, bool kAll>
void depthwise_pixels(const T* x, std::int64_t x_step, const std::vector<std::int64_t>& taps, const T* w,
                      std::int64_t w_step, const T* bias, T* y, std::int64_t y_step, std::int64_t channels) {
  using V = Vec<T, Arch>;
  const V start = bias ? load_channels<V, kAll>(bias, channels) : V(T(0));
  V sum[P];
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p) sum[p] = start;
  for (const std::int64_t tap : taps) {
    const V filter = load_channels<V, kAll>(w, channels);
    w += w_step;
    const T* from = x + tap;
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p)
      sum[p] = multiply_add(load_channels<V, kAll>(from + p * x_step, channels), filter, sum[p]);
  }
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p) {
    if constexpr (kAll)
      store_all(y + p * y_step, sum[p]);
    else
      store_first(y + p * y_step, channels, sum[p]);
  }
}

// A line of output pixels: by 8, the rest by 1, all channels of them.
template <class T, class Arch>
void depthwise_line(const T* x, std::int64_t x_step, const std::vector<std::int64_t>& taps, const T* w, const T* bias,
                    T* y, std::int64_t y_step, std::int64_t pixels, std::int64_t channels) {
  const auto run = [&]<int kPixels>(std::integral_constant<int, kPixels>, std::int64_t first) {
    for (std::int64_t c = 0; c < channels; c += kLanes<T, Arch>) {
      const std::int64_t count = std::min(kLanes<T, Arch>, channels - c);
      const auto kernel = count == kLanes<T, Arch> ? depthwise_pixels<T, Arch, kPixels, true>
                                                   : depthwise_pixels<T, Arch, kPixels, false>;
      kernel(x + first * x_step + c, x_step, taps, w + c, channels, bias ? bias + c : nullptr, y + first * y_step + c,
             y_step, count);
    }
  };
  std::int64_t p = 0;
  for (; p + 8 <= pixels; p += 8) run(std::integral_constant<int, 8>{}, p);
  for (; p < pixels; ++p) run(std::integral_constant<int, 1>{}, p);
}

// One vector of channels of the gradient of up to kDepthwiseTaps taps. rows: of dy (a) and of x (b).
template <class T, class Arch, bool kAll>
void depthwise_taps(const T* dy, std::int64_t dy_step, const T* x, std::int64_t x_step,
                    const std::vector<TileSegment>& rows, std::int64_t length,
                    const std::array<std::int64_t, kDepthwiseTaps>& taps, std::int64_t tap_count, T* dw,
                    std::int64_t dw_step, std::int64_t channels, bool accumulate) {
  using V = Vec<T, Arch>;
  V sum[kDepthwiseTaps];
#pragma GCC unroll 10
  for (int t = 0; t < kDepthwiseTaps; ++t) sum[t] = V(T(0));
  for (const TileSegment& row : rows) {
    const T* from_y = dy + row.a;
    const T* from_x = x + row.b;
    for (std::int64_t i = 0; i < length; ++i, from_y += dy_step, from_x += x_step) {
      const V gradient = load_channels<V, kAll>(from_y, channels);
#pragma GCC unroll 10
      for (std::size_t t = 0; t < kDepthwiseTaps; ++t)
        sum[t] = multiply_add(load_channels<V, kAll>(from_x + taps[t], channels), gradient, sum[t]);
    }
  }
  for (std::int64_t t = 0; t < tap_count; ++t) {
    T* to = dw + t * dw_step;
    store_first(to, channels, accumulate ? load_first<V>(to, channels) + sum[t] : sum[t]);
  }
}

// Offsets of all taps from the first one of an output pixel.
template <class T>
std::vector<std::int64_t> tap_offsets(const ConvPlan& plan, const InputStrip<T>& strip) {
  std::vector<std::int64_t> offsets;
  for (const Tap& h : plan.h.taps)
    for (const Tap& w : plan.w.taps)
      offsets.push_back(strip.at(0, h.offset, w.offset) - strip.at(0, plan.h.low(0), plan.w.low(0)));
  return offsets;
}

}  // namespace detail

/// Runs a plan of a depthwise convolution, forward or a phase of the gradient with respect to the input.
template <class T, class Arch>
void run_depthwise(const ConvPlan& plan, const WeightSteps& steps, const T* x, const T* w, const T* bias, T* y) {
  if (plan.batch == 0 || plan.h.count == 0 || plan.w.count == 0) return;
  const std::int64_t channels = plan.groups;
  Scratch<T> packed(static_cast<std::size_t>(plan.terms() * channels));
  T* to_packed = packed.data();
  for (const Tap& h : plan.h.taps)
    for (const Tap& v : plan.w.taps)
      for (std::int64_t c = 0; c < channels; ++c)
        *to_packed++ = w[c * steps.group + h.kernel * steps.kernel_h + v.kernel * steps.kernel_w];

  const std::int64_t rows = std::min(block_rows(plan, sizeof(T)), plan.h.count);
  const std::int64_t blocks = divide_up(plan.h.count, rows);
  const std::int64_t grain =
      std::max<std::int64_t>(1, (1 << 16) / std::max<std::int64_t>(1, rows * plan.macs_per_row()));
  parallel_for(plan.batch * blocks, grain, [&](std::int64_t begin, std::int64_t end) {
    InputStrip<T> strip(plan, 1, rows);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t image = i / blocks, first = i % blocks * rows;
      const std::int64_t last = std::min(first + rows, plan.h.count);
      strip.load(x, image, 1, first, last - first);
      const std::vector<std::int64_t> taps = detail::tap_offsets(plan, strip);
      for (std::int64_t row = first; row < last; ++row) {
        const std::int64_t line = image * plan.h.output + plan.h.first + row * plan.h.spacing;
        detail::depthwise_line<T, Arch>(strip.data() + strip.at(0, plan.h.low(row), plan.w.low(0)),
                                        plan.w.step * channels, taps, packed.data(), bias,
                                        y + (line * plan.w.output + plan.w.first) * channels,
                                        plan.w.spacing * channels, plan.w.count, channels);
      }
    }
  });
}

/// dw of the depthwise convolution whose forward plan is `plan`; overwrites dw.
template <class T, class Arch>
void run_depthwise_gradient(const ConvPlan& plan, const T* x, const T* dy, T* dw) {
  const std::int64_t channels = plan.groups, terms = plan.terms();
  if (plan.batch == 0) {
    std::fill_n(dw, channels * terms, T(0));
    return;
  }
  const GradientBlocks blocks(plan, sizeof(T));
  const std::int64_t macs = plan.batch * plan.h.count * plan.macs_per_row();
  const std::int64_t per_chunk = divide_up(blocks.count(), std::clamp<std::int64_t>(macs >> 18, 1, 16));
  const std::int64_t chunks = divide_up(blocks.count(), per_chunk);
  Scratch<T> parts(static_cast<std::size_t>(chunks * channels * terms));
  parallel_for(chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    InputStrip<T> strip(plan, blocks.max_images(), blocks.max_rows());
    std::vector<TileSegment> rows;
    for (std::int64_t chunk = begin; chunk < end; ++chunk) {
      T* part = parts.data() + chunk * channels * terms;
      for (std::int64_t b = chunk * per_chunk; b < std::min(blocks.count(), (chunk + 1) * per_chunk); ++b) {
        const PixelBlock block = blocks[b];
        strip.load(x, block.image, block.images, block.row, block.rows);
        detail::list_rows(plan, strip, block, plan.h.taps[0], plan.w.taps[0], false, rows);
        const std::vector<std::int64_t> taps = detail::tap_offsets(plan, strip);
        const T* dy_block = detail::block_gradient(plan, block, dy);
        std::array<std::int64_t, detail::kDepthwiseTaps> some{};
        for (std::int64_t t = 0; t < terms; t += detail::kDepthwiseTaps) {
          const std::int64_t count = std::min<std::int64_t>(detail::kDepthwiseTaps, terms - t);
          for (std::int64_t p = 0; p < detail::kDepthwiseTaps; ++p)
            some[static_cast<std::size_t>(p)] = taps[static_cast<std::size_t>(t + std::min(p, count - 1))];
          for (std::int64_t c = 0; c < channels; c += kLanes<T, Arch>) {
            const std::int64_t lanes = std::min(kLanes<T, Arch>, channels - c);
            const auto kernel = lanes == kLanes<T, Arch> ? detail::depthwise_taps<T, Arch, true>
                                                         : detail::depthwise_taps<T, Arch, false>;
            kernel(dy_block + c, channels, strip.data() + c, plan.w.step * channels, rows, plan.w.count, some, count,
                   part + t * channels + c, channels, lanes, b > chunk * per_chunk);
          }
        }
      }
    }
  });
  if (chunks > 1) detail::add_parts<T, Arch>(chunks, channels * terms, parts.data(), parts.data());
  for (std::int64_t c = 0; c < channels; ++c)
    for (std::int64_t t = 0; t < terms; ++t) dw[c * terms + t] = parts[static_cast<std::size_t>(t * channels + c)];
}

}  // namespace bitgrain::kernels
