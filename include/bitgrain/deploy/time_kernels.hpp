#pragma once

/// Measures a layer with every kernel that can run it, from stored codes to stored codes as the engine does it.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/base/random.hpp"
#include "bitgrain/deploy/engine_plan.hpp"
#include "bitgrain/deploy/kernel_choice.hpp"
#include "bitgrain/deploy/requantize.hpp"

namespace bitgrain::deploy {

namespace detail {

// One layer, packed for one kernel, with input and output codes of its own.
class TimedLayer {
 public:
  TimedLayer(kernels::BitsKernel kernel, const ConvOp& op, const Value& input, const std::vector<std::uint8_t>& codes)
      : conv_(pack_layer(kernel, op, input)), codes_(&codes) {
    const std::int64_t bound = std::max<std::int64_t>(accumulator_bound(op, input), 1);
    const std::vector<double> shift(static_cast<std::size_t>(op.geometry.out_channels), 128.0);
    const RequantizeOp to =
        make_requantize("timing", 1, {{0, {256.0 / static_cast<double>(bound)}, bound}}, shift, 0, 255);
    requantization_ = kernels::make_requantization(to.terms[0].multiplier, {}, to.bias, to.shift, 0, 255, 0, bound);
  }

  /// Nanoseconds of one pass over `images` images.
  double run(std::int64_t images, std::uint8_t* to) const {
    const auto start = std::chrono::steady_clock::now();
    kernels::any_conv2d_codes(conv_, images, codes_->data(), requantization_, nullptr, to);
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
  }

 private:
  kernels::AnyConv2d conv_;
  const std::vector<std::uint8_t>* codes_;
  kernels::Requantization requantization_;
};

}  // namespace detail

/// The times of a layer, bytes first. Kernels take turns, for about `seconds` in all, and the shortest time of each
/// counts: what else the machine does only adds. One thread. Only those of `wanted` are measured.
inline std::vector<KernelTime> time_kernels(const ConvOp& op, const Value& input, double seconds = 0.1,
                                            std::span<const kernels::BitsKernel> wanted = kernels::kBitsKernels) {
  const ConvGeometry& g = op.geometry;
  const std::int64_t image_in = g.input_size() / g.batch, image_out = g.output_size() / g.batch;
  const std::int64_t batch = chunk_images(image_in + image_out);
  const kernels::BitCodes stored = stored_codes(input);
  RandomStream random(1, "timing");
  std::vector<std::uint8_t> codes(static_cast<std::size_t>(batch * image_in));
  const CodeRange range = code_range(input);
  for (auto& code : codes)
    code = static_cast<std::uint8_t>(
        stored.lowest + static_cast<int>(random.below(static_cast<std::uint32_t>(range.high - range.low + 1))));
  std::vector<std::uint8_t> to(static_cast<std::size_t>(batch * image_out));

  std::vector<KernelTime> times;
  std::vector<detail::TimedLayer> layers;
  constexpr double kNone = std::numeric_limits<double>::infinity();
  for (const kernels::BitsKernel kernel : wanted)
    if (applicable(kernel, op, input)) {
      times.push_back({layer_shape(g), kernel, layer_bits(op.weights, input), kNone, kNone});
      layers.emplace_back(kernel, op, input, codes);
    }
  const int threads = num_threads();
  set_num_threads(1);
  const auto start = std::chrono::steady_clock::now();
  constexpr int kLeastRounds = 3;
  for (int round = 0; round < kLeastRounds ||
                      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < seconds;
       ++round)
    for (std::size_t i = 0; i < layers.size(); ++i) {
      layers[i].run(1, to.data());  // its weights into cache
      times[i].single_ns = std::min(times[i].single_ns, layers[i].run(1, to.data()));
      times[i].batched_ns =
          std::min(times[i].batched_ns, layers[i].run(batch, to.data()) / static_cast<double>(batch));
    }
  set_num_threads(threads);
  return times;
}

}  // namespace bitgrain::deploy
