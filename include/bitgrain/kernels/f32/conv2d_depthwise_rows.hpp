#pragma once

/// Depthwise convolution with 3 x 3 neighbouring taps and a step of 1: the case that most depthwise layers are.
///
/// For one vector of channels the nine weights stay in registers, and the kernel walks along the columns of 6 input
/// rows, computing 4 output rows at once. Column j takes part in three output pixels of each row,
///
///     y[r][j + pad] += w[i][0] x[r + i][j]    y[r][j + pad - 1] += w[i][1] x[r + i][j]    y[r][j + pad - 2] += ...
///
/// whose 12 sums stay in registers too and move on by one with each column: 6 loads and 4 stores for 36
/// multiply-adds, so that input comes fast enough even from the second-level cache. The input of the next rows is
/// brought there meanwhile, in the order in which it lies in memory: at 96 channels of 56 x 56 that is worth a factor
/// of 2, bringing it to the first-level cache instead a third less.
///
/// The order in which the terms of a sum are added does not depend on how many rows are taken together.

#include <algorithm>
#include <cstdint>

#include "bitgrain/kernels/f32/conv2d_plan.hpp"
#include "bitgrain/kernels/f32/tile.hpp"
#include "bitgrain/kernels/memory_hints.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {
namespace detail {

// Lanes of a vector of channels: all of them, or the first `count`. Which is known at compile time, because the loops
// below do little else than load.
template <class V, bool kAll>
V load_channels(const typename V::value_type* p, std::int64_t count) {
  if constexpr (kAll) return load_all<V>(p);
  return load_first<V>(p, count);
}
template <bool kAll, class V>
void store_channels(typename V::value_type* p, std::int64_t count, bool stream, const V& v) {
  if constexpr (!kAll)
    store_first(p, count, v);
  else if (stream)
    store_streaming(p, v);
  else
    store_all(p, v);
}

// Whether these kernels compute a plan.
inline bool has_depthwise_rows(const ConvPlan& plan) {
  const auto near = [](const AxisPlan& a) {
    return a.contiguous() && a.taps.size() == 3 && a.step == 1 && a.spacing == 1 && a.low(0) <= 0 && a.low(0) >= -2;
  };
  return near(plan.h) && near(plan.w);
}

// How many output rows are computed together, where there are so many: 3 sums each, and 9 weights.
inline constexpr std::int64_t kDepthwiseRows = kVectorRegisters == 32 ? 4 : 2;

// Neighbouring output rows of an image and the input rows that they read.
template <class T>
struct DepthwiseRows {
  std::int64_t channels, width, pixels, pad;  // of an input row; of an output row; columns before the image
  const T* x;                                 // the image row that tap 0 of the first output row reads, may not exist
  std::int64_t begin, end;                    // which rows from there on exist
  const T *w, *bias;                          // [tap][channel]; bias may be null
  T* y;
  bool stream;
  std::uintptr_t next;  // what to ask for meanwhile
};

// kRows output rows, channels [first, last): whole vectors if kAll, else less than one. kInside: all input rows
// exist.
template <class T, class Arch, int kRows, bool kInside, bool kAll>
void depthwise_rows(const DepthwiseRows<T>& job, std::int64_t first, std::int64_t last) {
  using V = Vec<T, Arch>;
  constexpr std::uintptr_t kNextStep = kLanes<T, Arch> * sizeof(T);
  const std::int64_t channels = job.channels, count = last - first, width = job.width, pixels = job.pixels;
  const std::int64_t x_row = width * channels, y_row = pixels * channels, begin = job.begin, end = job.end;
  const bool stream = job.stream;
  std::uintptr_t next = job.next + static_cast<std::uintptr_t>(first / kLanes<T, Arch> * width * kRows) * kNextStep;
  for (std::int64_t c = first; c < last; c += kLanes<T, Arch>) {
    V weight[3][3], sum[kRows][3];
#pragma GCC unroll 3
    for (int i = 0; i < 3; ++i)
#pragma GCC unroll 3
      for (int k = 0; k < 3; ++k) weight[i][k] = load_channels<V, kAll>(job.w + (3 * i + k) * channels + c, count);
    const V start = job.bias ? load_channels<V, kAll>(job.bias + c, count) : V(T(0));
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) sum[r][0] = sum[r][1] = sum[r][2] = start;
    const T* x = job.x + c - job.pad * channels;
    T* y = job.y + c - 2 * channels;
    for (std::int64_t j = -job.pad; j < pixels + 2 - job.pad; ++j, x += channels, y += channels) {
      if (j >= 0 && j < width) {
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r, next += kNextStep) prefetch(next);
#pragma GCC unroll 8
        for (int h = 0; h < kRows + 2; ++h) {
          if (!kInside && (h < begin || h >= end)) continue;
          V column = load_channels<V, kAll>(x + h * x_row, count);
          load_once(column);
#pragma GCC unroll 8
          for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 3
            for (int k = 0; k < 3; ++k)
              if (r <= h && h < r + 3) sum[r][k] = multiply_add(column, weight[h - r][k], sum[r][k]);
        }
      }
      const bool done = j >= 2 - job.pad;
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        if (done) store_channels<kAll>(y + r * y_row, count, stream, sum[r][2]);
        sum[r][2] = sum[r][1];
        sum[r][1] = sum[r][0];
        sum[r][0] = start;
      }
    }
  }
}

// All channels of kRows output rows.
template <class T, class Arch, int kRows>
void depthwise_rows(const DepthwiseRows<T>& job) {
  const std::int64_t whole = job.channels / kLanes<T, Arch> * kLanes<T, Arch>;
  if (job.begin == 0 && job.end == kRows + 2)
    depthwise_rows<T, Arch, kRows, true, true>(job, 0, whole);
  else
    depthwise_rows<T, Arch, kRows, false, true>(job, 0, whole);
  if (whole < job.channels) depthwise_rows<T, Arch, kRows, false, false>(job, whole, job.channels);
}

// Output rows [t, last) of an image; x and y are where it begins. Weights are packed as [tap][channel].
template <class T, class Arch>
void run_depthwise_rows(const ConvPlan& plan, const T* x, const T* w, const T* bias, std::int64_t t,
                        std::int64_t last, bool stream, T* y) {
  const std::int64_t x_row = plan.w.input * plan.groups, y_row = plan.w.output * plan.groups;
  while (t < last) {
    const auto run = [&]<int kRows>() {
      const std::int64_t top = plan.h.low(t);
      depthwise_rows<T, Arch, kRows>(
          {plan.groups, plan.w.input, plan.w.count, -plan.w.low(0), x + top * x_row, std::max<std::int64_t>(0, -top),
           std::min<std::int64_t>(kRows + 2, plan.h.input - top), w, bias, y + t * y_row, stream,
           reinterpret_cast<std::uintptr_t>(x) + static_cast<std::uintptr_t>((top + kRows + 2) * x_row) * sizeof(T)});
      t += kRows;
    };
    if (kDepthwiseRows >= 4 && last - t >= 4)
      run.template operator()<kDepthwiseRows >= 4 ? 4 : 1>();
    else if (last - t >= 2)
      run.template operator()<2>();
    else
      run.template operator()<1>();
  }
}

}  // namespace detail
}  // namespace bitgrain::kernels
