#pragma once

/// The gradient of a depthwise convolution with respect to its weights,
///
///     dw[tap, c] = sum over pixels of x[pixel * stride + tap, c] * dy[pixel, c].
///
/// For one vector of channels, the sums of all taps of a few kernel rows stay in registers while the kernel walks
/// over a block of output rows. With stride 1 and 3 taps per row, each column of x is loaded once and meets the last
/// 3 columns of dy, which are kept in registers too,
///
///     dw0 += x[j] dy[j + pad]    dw1 += x[j] dy[j + pad - 1]    dw2 += x[j] dy[j + pad - 2]
///
/// so a pixel costs 4 loads and 9 multiply-adds. A column of dy that does not exist is zero; columns and rows of x
/// that do not exist are left out. With a stride of s, column j of x meets every s-th tap. Widths and strides that
/// have no kernel of their own, and dilated ones, take one tap of a row at a time.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/conv2d_blocks.hpp"
#include "bitgrain/kernels/f32/conv2d_depthwise.hpp"
#include "bitgrain/kernels/f32/conv2d_depthwise_weight_rows.hpp"
#include "bitgrain/kernels/f32/conv2d_plan.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {
namespace detail {

// A row of dy, and the kernel rows (some that follow each other) that it meets inside the image.
template <class T>
struct DepthwiseGradientLine {
  const T *dy, *x;  // x: the image row that the first of them reads
  T* dw;            // the first of them, [tap][channel]; added to
  std::int64_t rows;
};
// What one call of a kernel computes: some kernel rows of dw, from a block of rows of dy.
template <class T>
struct DepthwiseGradientJob {
  std::int64_t channels, width;     // of x
  std::int64_t columns, step, pad;  // of dy; the first tap of column m reads column m * step - pad of x
  std::int64_t x_row, dw_row;       // from one kernel row to the next
  std::int64_t next;                // image rows from one line to the next
  std::vector<DepthwiseGradientLine<T>> lines;
};

// One line and the channels [begin, end): whole vectors if kAll, else less than one. kRows kernel rows of kTaps
// neighbouring taps each; kStep as job.step (or 0: any, for a single tap).
template <class T, class Arch, int kTaps, int kStep, int kRows, bool kAll>
void depthwise_gradient_line(const DepthwiseGradientJob<T>& job, const DepthwiseGradientLine<T>& line,
                             std::int64_t begin, std::int64_t end) {
  using V = Vec<T, Arch>;
  constexpr int kColumns = kStep > 0 ? kStep : 1;           // columns of x per column of dy
  constexpr int kKept = (kTaps + kColumns - 1) / kColumns;  // columns of dy that meet a column of x
  const std::int64_t channels = job.channels, count = end - begin, width = job.width, columns = job.columns;
  const std::int64_t step = kStep > 0 ? kStep : job.step, pad = job.pad;
  const std::int64_t stop = columns + kKept - 1;
  const std::int64_t inside = std::clamp<std::int64_t>(divide_up(pad, step), 0, stop);
  const std::int64_t last = width - kColumns + pad;  // the last m * step whose columns exist
  const std::int64_t outside = last < 0 ? inside : std::clamp(last / step + 1, inside, std::max(inside, columns));
  const std::int64_t x_row = job.x_row, ahead = (kRows - 1) * x_row + job.next * width * channels;
  for (std::int64_t c = begin; c < end; c += kLanes<T, Arch>) {
    const T* const dy = line.dy + c;
    const T* x = line.x - pad * channels + c;  // where the first row reads column m * step - pad
    T* const dw = line.dw + c;
    V sum[kRows][kTaps], kept[kKept];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
      for (int k = 0; k < kTaps; ++k) sum[r][k] = load_channels<V, kAll>(dw + r * job.dw_row + k * channels, count);
#pragma GCC unroll 8
    for (int i = 0; i < kKept; ++i) kept[i] = V(T(0));
    // Takes column m of dy and the columns of x for which it is the newest; kEdge: not all of these exist.
    const auto take = [&]<bool kEdge>(std::int64_t m) {
#pragma GCC unroll 8
      for (int i = kKept - 1; i > 0; --i) kept[i] = kept[i - 1];
      kept[0] = V(T(0));
      if (!kEdge || m < columns) kept[0] = load_channels<V, kAll>(dy + m * channels, count);
      if (!kEdge) {
        prefetch_near(dy + (columns + m) * channels);
        load_once(kept[0]);
      }
#pragma GCC unroll 8
      for (int q = 0; q < kColumns; ++q) {
        const std::int64_t j = m * step + q;
        if (kEdge && (j < pad || j - pad >= width)) continue;
        if (!kEdge) prefetch_near(x + ahead + q * channels);
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
          V column = load_channels<V, kAll>(x + r * x_row + q * channels, count);
          load_once(column);
#pragma GCC unroll 8
          for (int k = q; k < kTaps; k += kColumns)
            sum[r][k] = multiply_add(column, kept[(k - q) / kColumns], sum[r][k]);
        }
      }
      x += step * channels;
    };
    std::int64_t m = 0;
    for (; m < inside; ++m) take.template operator()<true>(m);
    for (; m < outside; ++m) take.template operator()<false>(m);
    for (; m < stop; ++m) take.template operator()<true>(m);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
      for (int k = 0; k < kTaps; ++k)
        store_channels<kAll>(dw + r * job.dw_row + k * channels, count, false, sum[r][k]);
  }
}

// All lines of a job, a few vectors of channels at a time, so that what lines share stays in the first-level cache.
// Lines have up to kRows kernel rows.
template <class T, class Arch, int kTaps, int kStep, int kRows>
void depthwise_gradient(const DepthwiseGradientJob<T>& job) {
  const std::int64_t group = depthwise_channel_group<T, Arch>(job.channels, (kRows + 1) * job.width + job.columns);
  const auto run = [&]<int kCount>(const DepthwiseGradientLine<T>& line, std::int64_t c, std::int64_t end) {
    if (line.rows != kCount) return;
    const std::int64_t whole = c + (end - c) / kLanes<T, Arch> * kLanes<T, Arch>;
    if (c < whole) depthwise_gradient_line<T, Arch, kTaps, kStep, kCount, true>(job, line, c, whole);
    if (whole < end) depthwise_gradient_line<T, Arch, kTaps, kStep, kCount, false>(job, line, whole, end);
  };
  for (std::int64_t c = 0; c < job.channels; c += group)
    for (const DepthwiseGradientLine<T>& line : job.lines) {
      const std::int64_t end = std::min(job.channels, c + group);
      run.template operator()<1>(line, c, end);
      if constexpr (kRows >= 2) run.template operator()<2>(line, c, end);
      if constexpr (kRows >= 3) run.template operator()<3>(line, c, end);
    }
}

// Adds what blocks of rows of dy give to dw, [tap h][tap w][channel].
template <class T, class Arch>
class DepthwiseGradient {
 public:
  explicit DepthwiseGradient(const ConvPlan& plan) : plan_(plan) {
    const auto offer = [&]<int kTaps, int kStep, int kRows>() {
      if (!plan.w.contiguous() || plan.w.taps.size() != kTaps || plan.w.step != kStep) return;
      kernel_ = depthwise_gradient<T, Arch, kTaps, kStep, kRows>;
      rows_ = kRows;
      joined_ = true;
    };
    offer.template operator()<3, 1, 3>();
    offer.template operator()<3, 2, 3>();
    offer.template operator()<5, 1, 2>();
    offer.template operator()<5, 2, 2>();
  }

  // Rows [begin, end) of dy of one image.
  void add(const T* x, const T* dy, std::int64_t begin, std::int64_t end, T* dw) const {
    if (has_depthwise_rows(plan_)) return run_depthwise_gradient_rows<T, Arch>(plan_, x, dy, begin, end, dw);
    const AxisPlan &h = plan_.h, &w = plan_.w;
    const auto taps_h = static_cast<std::int64_t>(h.taps.size()), taps_w = static_cast<std::int64_t>(w.taps.size());
    const std::int64_t channels = plan_.groups, x_size = w.input * channels, dw_row = taps_w * channels;
    const std::int64_t apart = taps_h > 1 ? h.taps[1].offset - h.taps[0].offset : 1;
    DepthwiseGradientJob<T> job{channels, w.input, w.count, w.step, 0, apart * x_size, dw_row, h.step, {}};
    for (std::int64_t k = 0; k < taps_h; k += rows_) {
      job.lines.clear();
      for (std::int64_t t = begin; t < end; ++t) {
        const std::int64_t top = h.low(t);  // kernel rows [first, last) of these are inside the image
        const std::int64_t first = std::max(k, divide_up(std::max<std::int64_t>(0, -top), apart));
        const std::int64_t last = std::min({k + rows_, taps_h, top < h.input ? (h.input - 1 - top) / apart + 1 : 0});
        if (first < last)
          job.lines.push_back(
              {dy + t * w.count * channels, x + (top + first * apart) * x_size, dw + first * dw_row, last - first});
      }
      for (std::int64_t v = 0; v < (joined_ ? 1 : taps_w); ++v) {
        job.pad = -w.taps[static_cast<std::size_t>(v)].offset;
        kernel_(job);
        for (DepthwiseGradientLine<T>& line : job.lines) line.dw += channels;
      }
    }
  }

 private:
  const ConvPlan& plan_;
  void (*kernel_)(const DepthwiseGradientJob<T>&) = depthwise_gradient<T, Arch, 1, 0, 3>;
  std::int64_t rows_ = 3;
  bool joined_ = false;  // the kernel takes all taps of a row together
};

}  // namespace detail

/// dw of a depthwise convolution; overwrites dw.
template <class T, class Arch>
void run_depthwise_gradient(const ConvGeometry& g, const T* x, const T* dy, T* dw) {
  const ConvPlan plan = plan_forward(g);
  const std::int64_t channels = plan.groups, size = channels * plan.terms(), height = plan.h.count;
  const std::int64_t x_size = plan.h.input * plan.w.input * channels, dy_size = height * plan.w.count * channels;
  const std::int64_t rows = detail::depthwise_block_rows(plan, 1, sizeof(T)), per_image = divide_up(height, rows);
  // Up to 16 chunks of blocks, added in order. Each has its own copy of dw and so many pixels that filling and adding
  // it costs little: a few numbers for 32 multiply-adds with each.
  const std::int64_t blocks = plan.batch * per_image;
  const std::int64_t wanted =
      std::clamp<std::int64_t>(plan.batch * height * plan.w.count / (32 * plan.terms()), 1, 16);
  const std::int64_t per_chunk = std::max<std::int64_t>(1, divide_up(blocks, wanted));
  const std::int64_t chunks = std::max<std::int64_t>(1, divide_up(blocks, per_chunk));
  const detail::DepthwiseGradient<T, Arch> gradient(plan);
  Scratch<T> parts(static_cast<std::size_t>(chunks * size));
  parallel_for(chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t chunk = begin; chunk < end; ++chunk) {
      T* part = parts.data() + chunk * size;
      std::fill_n(part, size, T(0));
      for (std::int64_t b = chunk * per_chunk; b < std::min(blocks, (chunk + 1) * per_chunk); ++b) {
        const std::int64_t image = b / per_image, row = b % per_image * rows;
        gradient.add(x + image * x_size, dy + image * dy_size, row, std::min(height, row + rows), part);
      }
    }
  });
  if (chunks > 1) detail::add_parts<T, Arch>(chunks, size, parts.data(), parts.data());
  for (std::int64_t c = 0; c < channels; ++c)
    for (std::int64_t t = 0; t < plan.terms(); ++t)
      dw[c * plan.terms() + t] = parts[static_cast<std::size_t>(t * channels + c)];
}

}  // namespace bitgrain::kernels
