#pragma once

/// Depthwise convolution: every channel has a filter of its own (groups = channels = filters), forward and with
/// respect to the input. Vectors run along the channels, so nothing is broadcast:
///
///     y[pixel, c] = sum over taps of x[pixel + tap, c] * w[tap, c]
///
/// With a single multiply-add per number loaded this is bound by loads, so 8 neighbouring pixels of an output row
/// share them: for each kernel row its weights go to registers, and every input column is loaded once for all the
/// pixels that read it,
///
///     w0 w1 w2 | x0: y0 += w0 x0    x1: y1 += w0 x1, y0 += w1 x1    x2: y2 += w0 x2, y1 += w1 x2, y0 += w2 x2   ...
///
/// 1.6 loads per pixel and kernel row instead of 6. (3 x 3 taps with stride 1 have kernels of their own,
/// conv2d_depthwise_rows.hpp.) A block of output rows is done for one vector of channels after
/// the other: then the input rows that several output rows share are few enough to stay in the first-level cache. No
/// padded copy is made: columns outside the image are zeros in registers, kernel rows outside are left out.
/// Weights are packed as [tap][channel].

#include <algorithm>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/conv2d_depthwise_rows.hpp"
#include "bitgrain/kernels/f32/conv2d_direct.hpp"
#include "bitgrain/kernels/f32/conv2d_plan.hpp"
#include "bitgrain/kernels/memory_hints.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// Whether a convolution is depthwise with one filter per channel.
inline bool is_depthwise(const ConvGeometry& g) { return g.groups == g.in_channels && g.groups == g.out_channels; }

namespace detail {

// Calls visit.template operator()<kAll>(first, count) for every vector of channels.
template <class T, class Arch, class Visit>
void for_each_channel_vector(std::int64_t channels, Visit visit) {
  std::int64_t c = 0;
  for (; c + kLanes<T, Arch> <= channels; c += kLanes<T, Arch>) visit.template operator()<true>(c, kLanes<T, Arch>);
  if (c < channels) visit.template operator()<false>(c, channels - c);
}

// How many rows of output make a block: what a block touches should take no more than about half of the second-level
// cache, and there should be blocks for several threads. All blocks but the last have a multiple of the rows that
// kernels take together.
inline std::int64_t depthwise_block_rows(const ConvPlan& plan, std::int64_t spacing, std::size_t element_size) {
  const std::int64_t row = (plan.w.input * plan.h.step + plan.w.output * spacing) * plan.groups;
  const std::int64_t height = plan.h.output;
  const std::int64_t fit = std::max<std::int64_t>(1, (384 << 10) / (row * static_cast<std::int64_t>(element_size)));
  const std::int64_t blocks =
      std::max(divide_up(height * spacing, fit), divide_up(8, std::max<std::int64_t>(1, plan.batch)));
  return std::min(height, divide_up(divide_up(height, blocks), kDepthwiseRows) * kDepthwiseRows);
}

// How many channels a kernel takes together through a block of rows, when a row works on so many pixels: what the
// rows share should stay in the first-level cache, but a pixel should give some whole cache lines, or they come
// slowly.
template <class T, class Arch>
std::int64_t depthwise_channel_group(std::int64_t channels, std::int64_t pixels) {
  const std::int64_t vectors = divide_up(channels, kLanes<T, Arch>);
  const std::int64_t bytes = pixels * kLanes<T, Arch> * static_cast<std::int64_t>(sizeof(T));
  const std::int64_t fit = std::clamp<std::int64_t>((32 << 10) / std::max<std::int64_t>(1, bytes), 2, 6);
  return divide_up(vectors, divide_up(vectors, fit)) * kLanes<T, Arch>;
}

// One row of the input and the weights that it is multiplied by.
template <class T>
struct DepthwiseRow {
  const T *x, *w;
  std::int64_t column;  // where the tap, or the first of several, of output pixel 0 reads; may be outside the image
};
// One row of the output: the sum over rows [begin, end) of a list.
template <class T>
struct DepthwiseLine {
  T* y;
  const T* next;  // the first input row that the next line reads and this one does not
  std::size_t begin, end;
};
// What one call of a kernel computes.
template <class T>
struct DepthwiseJob {
  std::int64_t channels, width;        // of the input
  std::int64_t pixels, spacing, step;  // output pixels of a line, how far apart, and their distance in the input
  std::int64_t column;                 // of the first tap of pixel 0
  std::int64_t next_rows;              // how many rows DepthwiseLine::next begins
  const T* bias;                       // may be null
  bool stream;
  std::vector<DepthwiseRow<T>> rows;
  std::vector<DepthwiseLine<T>> lines;
};

// A block of P pixels of a line, from pixel p on, and the channels [begin, end): whole vectors if kAll, else less
// than one. Only the outermost columns of a block are ever outside the image: kTaps / 2 of them on either side, and
// kStep more on the right if the block has a pixel too many. The others need no test.
template <class T, class Arch, int kTaps, int kStep, int P, bool kAll>
void depthwise_block(const DepthwiseJob<T>& job, const DepthwiseLine<T>& line, std::int64_t p, std::int64_t begin,
                     std::int64_t end) {
  using V = Vec<T, Arch>;
  constexpr int kColumns = (P - 1) * kStep + kTaps;
  const std::int64_t channels = job.channels, count = end - begin, y_step = job.spacing * channels;
  const std::int64_t first = job.column + p * kStep, right = job.width - first;  // columns [-first, right) exist
  const DepthwiseRow<T>*const rows = job.rows.data() + line.begin, *const rows_end = job.rows.data() + line.end;
  const std::int64_t next_rows = job.next_rows, next_step = job.width * channels;
  const bool stream = job.stream, last = p + P <= job.pixels;
  const T* const bias = job.bias;
  for (std::int64_t c = begin; c < end; c += kLanes<T, Arch>) {
    const T* next = line.next + p * kStep * channels + c;
    for (std::int64_t r = 0; r < next_rows; ++r, next += next_step)
#pragma GCC unroll 16
      for (int j = 0; j < P * kStep; ++j) prefetch_near(next + j * channels);
    const V start = bias ? load_channels<V, kAll>(bias + c, count) : V(T(0));
    V sum[P];
#pragma GCC unroll 8
    for (int i = 0; i < P; ++i) sum[i] = start;
    for (const DepthwiseRow<T>* row = rows; row != rows_end; ++row) {
      V weight[kTaps];
#pragma GCC unroll 8
      for (int k = 0; k < kTaps; ++k) weight[k] = load_channels<V, kAll>(row->w + k * channels + c, count);
      const T* x = row->x + first * channels + c;
#pragma GCC unroll 32
      for (int j = 0; j < kColumns; ++j, x += channels) {
        if (j < kTaps / 2 && j + first < 0) continue;
        if (j >= kColumns - kTaps / 2 - kStep && j >= right) continue;
        V column = load_channels<V, kAll>(x, count);
        load_once(column);
#pragma GCC unroll 8
        for (int k = 0; k < kTaps; ++k)
          if (j >= k && (j - k) % kStep == 0 && (j - k) / kStep < P)
            sum[(j - k) / kStep] = multiply_add(column, weight[k], sum[(j - k) / kStep]);
      }
    }
    T* y = line.y + p * y_step + c;
#pragma GCC unroll 8
    for (int i = 0; i < P; ++i, y += y_step)
      if (i < P - 1 || last) store_channels<kAll>(y, count, stream, sum[i]);
  }
}

// kTaps taps, kStep apart, by blocks of 8 pixels, or of 4 where fewer are left. A few vectors of channels are done
// line by line before the next ones, so that what the lines share stays in the first-level cache.
template <class T, class Arch, int kTaps, int kStep>
void depthwise_lines(const DepthwiseJob<T>& job) {
  constexpr std::int64_t kL = kLanes<T, Arch>;
  const std::int64_t channels = job.channels, pixels = job.pixels;
  const auto rows = static_cast<std::int64_t>(job.lines.empty() ? 0 : job.lines.back().end - job.lines.back().begin);
  const std::int64_t group = depthwise_channel_group<T, Arch>(channels, (rows + 1) * job.width);
  const auto block = [&]<int P>(const DepthwiseLine<T>& line, std::int64_t p, std::int64_t begin, std::int64_t end) {
    p = std::max<std::int64_t>(0, std::min(p, pixels - P));  // the last block may write some pixels again
    const std::int64_t whole = begin + (end - begin) / kL * kL;
    if (begin < whole) depthwise_block<T, Arch, kTaps, kStep, P, true>(job, line, p, begin, whole);
    if (whole < end) depthwise_block<T, Arch, kTaps, kStep, P, false>(job, line, p, whole, end);
  };
  for (std::int64_t c = 0; c < channels; c += group)
    for (const DepthwiseLine<T>& line : job.lines)
      for (std::int64_t p = 0; p < pixels;) {
        const std::int64_t end = std::min(channels, c + group);
        if (pixels - p > 4 && pixels >= 7) {
          block.template operator()<8>(line, p, c, end);
          p += 8;
        } else {
          block.template operator()<4>(line, p, c, end);
          p += 4;
        }
      }
}

// Any taps: every row of the job has one.
template <class T, class Arch>
void depthwise_any_lines(const DepthwiseJob<T>& job) {
  using V = Vec<T, Arch>;
  constexpr std::int64_t kL = kLanes<T, Arch>;
  const auto pixel = [&]<bool kAll>(const DepthwiseLine<T>& line, std::int64_t p, std::int64_t c,
                                    std::int64_t count) {
    V sum = job.bias ? load_channels<V, kAll>(job.bias + c, count) : V(T(0));
    for (std::size_t r = line.begin; r < line.end; ++r) {
      const DepthwiseRow<T>& row = job.rows[r];
      const std::int64_t at = p * job.step + row.column;
      if (at < 0 || at >= job.width) continue;
      sum = multiply_add(load_channels<V, kAll>(row.x + at * job.channels + c, count),
                         load_channels<V, kAll>(row.w + c, count), sum);
    }
    store_channels<kAll>(line.y + p * job.spacing * job.channels + c, count, job.stream, sum);
  };
  for (const DepthwiseLine<T>& line : job.lines)
    for (std::int64_t p = 0; p < job.pixels; ++p) {
      std::int64_t c = 0;
      for (; c + kL <= job.channels; c += kL) pixel.template operator()<true>(line, p, c, kL);
      if (c < job.channels) pixel.template operator()<false>(line, p, c, job.channels - c);
    }
}

// The kernel that takes the taps of a row of this plan together, or null.
template <class T, class Arch>
auto depthwise_kernel(const AxisPlan& w) {
  void (*kernel)(const DepthwiseJob<T>&) = nullptr;
  if (!w.contiguous() || w.count < 3) return kernel;
  const auto offer = [&]<int kTaps, int kStep>() {
    if (w.taps.size() == kTaps && w.step == kStep && -w.low(0) <= kTaps / 2 &&
        w.high(w.count - 1) <= w.input + kTaps / 2)
      kernel = depthwise_lines<T, Arch, kTaps, kStep>;
  };
  offer.template operator()<1, 1>();  // 1 and 2: the gradient of a stride of 2
  offer.template operator()<3, 1>();
  offer.template operator()<3, 2>();
  offer.template operator()<5, 1>();
  offer.template operator()<5, 2>();
  return kernel;
}

// One phase of a depthwise convolution: its plan and packed weights.
template <class T, class Arch>
class DepthwisePhase {
 public:
  DepthwisePhase(ConvPlan plan, const WeightSteps& steps, const T* w)
      : plan_(std::move(plan)),
        kernel_(depthwise_kernel<T, Arch>(plan_.w)),
        joined_(kernel_ != nullptr),
        weights_(static_cast<std::size_t>(plan_.terms() * plan_.groups)) {
    if (!joined_) kernel_ = depthwise_any_lines<T, Arch>;
    T* to = weights_.data();
    for (const Tap& h : plan_.h.taps)
      for (const Tap& v : plan_.w.taps)
        for (std::int64_t c = 0; c < plan_.groups; ++c)
          *to++ = w[c * steps.group + h.kernel * steps.kernel_h + v.kernel * steps.kernel_w];
  }

  const ConvPlan& plan() const { return plan_; }

  // A job without lines.
  DepthwiseJob<T> job(const T* bias, bool stream) const {
    const AxisPlan& a = plan_.w;
    return {plan_.groups, a.input, a.count, a.spacing, a.step, a.low(0), 0, bias, stream, {}, {}};
  }
  // Adds row t of the phase to a job of this phase, or of another one with the same columns. `row` is the row of y.
  void add_line(DepthwiseJob<T>& job, const T* image, std::int64_t t, T* row) const {
    const std::int64_t channels = plan_.groups, width = static_cast<std::int64_t>(plan_.w.taps.size());
    const std::size_t begin = job.rows.size();
    for (std::size_t h = 0; h < plan_.h.taps.size(); ++h) {
      const std::int64_t at = t * plan_.h.step + plan_.h.taps[h].offset;
      if (at < 0 || at >= plan_.h.input) continue;
      const T* x = image + at * plan_.w.input * channels;
      const T* w = weights_.data() + static_cast<std::int64_t>(h) * width * channels;
      for (std::int64_t k = 0; k < (joined_ ? std::min<std::int64_t>(1, width) : width); ++k)
        job.rows.push_back({x, w + k * channels, plan_.w.taps[static_cast<std::size_t>(k)].offset});
    }
    const std::int64_t next = t * plan_.h.step + (plan_.h.taps.empty() ? 0 : plan_.h.taps.back().offset + 1);
    const bool exists = next >= 0 && next + plan_.h.step <= plan_.h.input;
    job.next_rows = plan_.h.step;
    job.lines.push_back({row + plan_.w.first * channels, image + (exists ? next * plan_.w.input * channels : 0),
                         begin, job.rows.size()});
  }
  void run(const DepthwiseJob<T>& job) const { kernel_(job); }

  // Output rows [first, last) of an image, if has_depthwise_rows(plan()).
  void run_rows(const T* image, std::int64_t first, std::int64_t last, const T* bias, bool stream, T* y) const {
    run_depthwise_rows<T, Arch>(plan_, image, weights_.data(), bias, first, last, stream, y);
  }

 private:
  ConvPlan plan_;
  void (*kernel_)(const DepthwiseJob<T>&);
  bool joined_;  // the kernel takes all taps of a row together
  Scratch<T> weights_;
};

// Runs the phases of a direction: phase (h, v) of phases_h x phases_w writes the output pixels whose row is h modulo
// phases_h and whose column is v modulo phases_w.
template <class T, class Arch, class Plan>
void run_depthwise(std::int64_t phases_h, std::int64_t phases_w, Plan plan_of, const WeightSteps& steps, const T* x,
                   const T* w, const T* bias, T* y) {
  std::deque<DepthwisePhase<T, Arch>> phases;
  for (std::int64_t h = 0; h < phases_h; ++h)
    for (std::int64_t v = 0; v < phases_w; ++v) phases.emplace_back(plan_of(h, v), steps, w);
  const ConvPlan& plan = phases.front().plan();
  const std::int64_t height = plan.h.output, row_size = plan.w.output * plan.groups;
  const std::int64_t image_size = plan.h.input * plan.w.input * plan.groups;
  const bool stream = worth_streaming<T, Arch>(y, plan.groups, plan.batch * height * row_size);
  const std::int64_t block = depthwise_block_rows(plan, phases_h, sizeof(T)), blocks = divide_up(height, block);
  parallel_for(plan.batch * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t image = i / blocks, first = i % blocks * block, last = std::min(height, first + block);
      if (phases.size() == 1 && has_depthwise_rows(phases.front().plan())) {
        phases.front().run_rows(x + image * image_size, first, last, bias, stream, y + image * height * row_size);
        continue;
      }
      for (std::int64_t v = 0; v < phases_w; ++v) {
        const auto phase = [&](std::int64_t row) -> const DepthwisePhase<T, Arch>& {
          return phases[static_cast<std::size_t>(row % phases_h * phases_w + v)];
        };
        DepthwiseJob<T> job = phase(0).job(bias, stream);
        for (std::int64_t row = first; row < last; ++row)
          phase(row).add_line(job, x + image * image_size, row / phases_h, y + (image * height + row) * row_size);
        phase(0).run(job);
      }
    }
    if (stream) streaming_done();
  });
}

}  // namespace detail

/// y of a depthwise convolution; `bias` may be null.
template <class T, class Arch>
void run_depthwise_forward(const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y) {
  detail::run_depthwise<T, Arch>(
      1, 1, [&](std::int64_t, std::int64_t) { return plan_forward(g); }, forward_weight_steps(g), x, w, bias, y);
}

/// dx of a depthwise convolution; overwrites dx.
template <class T, class Arch>
void run_depthwise_backward_data(const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  detail::run_depthwise<T, Arch>(
      g.window.stride_h, g.window.stride_w,
      [&](std::int64_t h, std::int64_t v) { return plan_backward_data(g, h, v); }, backward_weight_steps(g), dy, w,
      static_cast<const T*>(nullptr), dx);
}

}  // namespace bitgrain::kernels
