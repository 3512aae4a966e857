#pragma once

/// The gradient of a depthwise convolution with respect to its weights, for 3 x 3 neighbouring taps and a step of 1
/// (conv2d_depthwise_rows.hpp): the same walk along the columns, over 6 rows of x and 4 of dy. Column j of x meets
/// the last three columns of each row of dy, which are kept in registers beside the nine sums,
///
///     dw[i][k] += x[r + i][j] dy[r][j + pad - k]        10 loads for 36 multiply-adds.

#include <algorithm>
#include <cstdint>

#include "bitgrain/kernels/f32/conv2d_depthwise_rows.hpp"
#include "bitgrain/kernels/f32/conv2d_plan.hpp"
#include "bitgrain/kernels/f32/tile.hpp"
#include "bitgrain/kernels/memory_hints.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {
namespace detail {

// How many rows of dy are taken together, where there are so many: 3 of their columns each, and 9 sums.
inline constexpr std::int64_t kDepthwiseGradientRows = kVectorRegisters == 32 ? 4 : 1;

// Neighbouring rows of dy of an image and the rows of x that they meet.
template <class T>
struct DepthwiseGradientRows {
  std::int64_t channels, width, pixels, pad;  // of a row of x; of a row of dy; columns before the image
  const T *x, *dy;                            // the row of x that tap 0 of the first row of dy reads, may not exist
  std::int64_t begin, end;                    // which rows of x from there on exist
  T* dw;                                      // [tap][channel], added to
  std::uintptr_t next_x, next_dy;             // what to ask for meanwhile
};

// kRows rows of dy, channels [first, last): whole vectors if kAll, else less than one. kInside: all rows of x exist.
template <class T, class Arch, int kRows, bool kInside, bool kAll>
void depthwise_gradient_rows(const DepthwiseGradientRows<T>& job, std::int64_t first, std::int64_t last) {
  using V = Vec<T, Arch>;
  constexpr std::uintptr_t kStep = kLanes<T, Arch> * sizeof(T);
  const std::int64_t channels = job.channels, count = last - first, width = job.width, pixels = job.pixels;
  const std::int64_t x_row = width * channels, dy_row = pixels * channels, begin = job.begin, end = job.end;
  std::uintptr_t ahead = static_cast<std::uintptr_t>(first / kLanes<T, Arch> * width * kRows) * kStep;
  for (std::int64_t c = first; c < last; c += kLanes<T, Arch>) {
    V sum[3][3], kept[kRows][3];
#pragma GCC unroll 3
    for (int i = 0; i < 3; ++i)
#pragma GCC unroll 3
      for (int k = 0; k < 3; ++k) sum[i][k] = load_channels<V, kAll>(job.dw + (3 * i + k) * channels + c, count);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) kept[r][0] = kept[r][1] = V(T(0));
    const T* x = job.x + c - job.pad * channels;
    const T* dy = job.dy + c;
    for (std::int64_t m = 0; m < pixels + 2; ++m, x += channels, dy += channels) {
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        kept[r][2] = kept[r][1];
        kept[r][1] = kept[r][0];
        kept[r][0] = V(T(0));
        if (m < pixels) kept[r][0] = load_channels<V, kAll>(dy + r * dy_row, count);
        load_once(kept[r][0]);
      }
      if (m < job.pad || m - job.pad >= width) continue;
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r, ahead += kStep) {
        prefetch(job.next_x + ahead);
        prefetch(job.next_dy + ahead);
      }
#pragma GCC unroll 8
      for (int h = 0; h < kRows + 2; ++h) {
        if (!kInside && (h < begin || h >= end)) continue;
        V column = load_channels<V, kAll>(x + h * x_row, count);
        load_once(column);
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 3
          for (int k = 0; k < 3; ++k)
            if (r <= h && h < r + 3) sum[h - r][k] = multiply_add(column, kept[r][k], sum[h - r][k]);
      }
    }
#pragma GCC unroll 3
    for (int i = 0; i < 3; ++i)
#pragma GCC unroll 3
      for (int k = 0; k < 3; ++k) store_channels<kAll>(job.dw + (3 * i + k) * channels + c, count, false, sum[i][k]);
  }
}

// All channels of kRows rows of dy.
template <class T, class Arch, int kRows>
void depthwise_gradient_rows(const DepthwiseGradientRows<T>& job) {
  const std::int64_t whole = job.channels / kLanes<T, Arch> * kLanes<T, Arch>;
  if (job.begin == 0 && job.end == kRows + 2)
    depthwise_gradient_rows<T, Arch, kRows, true, true>(job, 0, whole);
  else
    depthwise_gradient_rows<T, Arch, kRows, false, true>(job, 0, whole);
  if (whole < job.channels) depthwise_gradient_rows<T, Arch, kRows, false, false>(job, whole, job.channels);
}

// Adds what rows [t, last) of dy of an image give to dw, [tap][channel]; x and dy are where the image begins.
template <class T, class Arch>
void run_depthwise_gradient_rows(const ConvPlan& plan, const T* x, const T* dy, std::int64_t t, std::int64_t last,
                                 T* dw) {
  const std::int64_t x_row = plan.w.input * plan.groups, dy_row = plan.w.count * plan.groups;
  const auto address = [](const T* image, std::int64_t offset) {  // it may lie behind the last image
    return reinterpret_cast<std::uintptr_t>(image) + static_cast<std::uintptr_t>(offset) * sizeof(T);
  };
  while (t < last) {
    const auto run = [&]<int kRows>() {
      const std::int64_t top = plan.h.low(t);
      depthwise_gradient_rows<T, Arch, kRows>(
          {plan.groups, plan.w.input, plan.w.count, -plan.w.low(0), x + top * x_row, dy + t * dy_row,
           std::max<std::int64_t>(0, -top), std::min<std::int64_t>(kRows + 2, plan.h.input - top), dw,
           address(x, (top + kRows + 2) * x_row), address(dy, (t + kRows) * dy_row)});
      t += kRows;
    };
    constexpr bool kMany = kDepthwiseGradientRows >= 4;
    if (kMany && last - t >= 4)
      run.template operator()<kMany ? 4 : 1>();
    else if (kMany && last - t >= 2)
      run.template operator()<kMany ? 2 : 1>();
    else
      run.template operator()<1>();
  }
}

}  // namespace detail
}  // namespace bitgrain::kernels
