// Convolutions as the training step and the engine call them, packing included. GFLOPS counts 2 operations per
// multiply-accumulate inside the image, zero padding not counted.
//
//   bench_conv [--threads=N] [Google Benchmark's options]

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "bitgrain/base/random.hpp"
#include "bitgrain/kernels/f32/conv2d.hpp"
#include "bitgrain/kernels/int8/conv2d.hpp"
#include "threads_flag.hpp"

using namespace bitgrain;

namespace {

struct Layer {
  const char* name;
  ConvGeometry geometry;
};

const Layer kLayers[] = {
    {"stem_3-16@32", {128, 32, 32, 3, 16, Window2d::square(3, 1, 1), 1}},
    {"16-16@32", {128, 32, 32, 16, 16, Window2d::square(3, 1, 1), 1}},
    {"16-32@32_s2", {128, 32, 32, 16, 32, Window2d::square(3, 2, 1), 1}},
    {"32-32@16", {128, 16, 16, 32, 32, Window2d::square(3, 1, 1), 1}},
    {"32-64@16_s2", {128, 16, 16, 32, 64, Window2d::square(3, 2, 1), 1}},
    {"64-64@8", {128, 8, 8, 64, 64, Window2d::square(3, 1, 1), 1}},
    {"dw_96@56", {8, 56, 56, 96, 96, Window2d::square(3, 1, 1), 96}},
};

// Operations inside the image: taps that fall on padding are left out.
double operations(const ConvGeometry& g) {
  const auto taps = [](std::int64_t in, std::int64_t out, std::int64_t k, std::int64_t s, std::int64_t p,
                       std::int64_t d) {
    std::int64_t count = 0;
    for (std::int64_t o = 0; o < out; ++o)
      for (std::int64_t t = 0; t < k; ++t) count += o * s - p + t * d >= 0 && o * s - p + t * d < in;
    return static_cast<double>(count);
  };
  const Window2d& w = g.window;
  return 2.0 * taps(g.in_h, g.out_h(), w.kernel_h, w.stride_h, w.pad_h, w.dilation_h) *
         taps(g.in_w, g.out_w(), w.kernel_w, w.stride_w, w.pad_w, w.dilation_w) * static_cast<double>(g.batch) *
         static_cast<double>(g.out_channels) * static_cast<double>(g.group_in());
}

std::vector<float> random_floats(std::int64_t n) {
  std::vector<float> v(static_cast<std::size_t>(n));
  RandomStream random(1, "bench");
  for (float& x : v) x = static_cast<float>(random.uniform(-1, 1));
  return v;
}

template <class Run>
void measure(benchmark::State& state, const ConvGeometry& g, Run&& run) {
  for (auto _ : state) {
    run();
    benchmark::ClobberMemory();
  }
  state.counters["GFLOPS"] = benchmark::Counter(operations(g) * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

void register_layer(const Layer& layer) {
  const ConvGeometry g = layer.geometry;
  const auto name = [&](const char* what) { return std::string(what) + "/bitgrain/" + layer.name; };
  const auto add = [](const std::string& full, auto body) {
    benchmark::RegisterBenchmark(full.c_str(), body)->UseRealTime()->Unit(benchmark::kMicrosecond);
  };
  add(name("conv_forward"), [g](benchmark::State& state) {
    const auto x = random_floats(g.input_size()), w = random_floats(g.weight_size());
    std::vector<float> y(static_cast<std::size_t>(g.output_size()));
    measure(state, g, [&] { kernels::conv2d_forward(g, x.data(), w.data(), nullptr, y.data()); });
  });
  add(name("conv_backward_data"), [g](benchmark::State& state) {
    const auto dy = random_floats(g.output_size()), w = random_floats(g.weight_size());
    std::vector<float> dx(static_cast<std::size_t>(g.input_size()));
    measure(state, g, [&] { kernels::conv2d_backward_data(g, dy.data(), w.data(), dx.data()); });
  });
  add(name("conv_backward_weights"), [g](benchmark::State& state) {
    const auto x = random_floats(g.input_size()), dy = random_floats(g.output_size());
    std::vector<float> dw(static_cast<std::size_t>(g.weight_size()));
    measure(state, g, [&] { kernels::conv2d_backward_weights(g, x.data(), dy.data(), dw.data(), nullptr); });
  });
  // The engine's accumulators: u8 codes, s8 weights packed once, as the engine does.
  add(name("conv_int8_forward"), [g](benchmark::State& state) {
    std::vector<std::uint8_t> x(static_cast<std::size_t>(g.input_size()));
    std::vector<std::int8_t> w(static_cast<std::size_t>(g.weight_size()));
    RandomStream random(1, "bench");
    for (auto& v : x) v = static_cast<std::uint8_t>(random.below(256));
    for (auto& v : w) v = static_cast<std::int8_t>(static_cast<int>(random.below(255)) - 127);
    std::vector<std::int32_t> accumulators(static_cast<std::size_t>(g.output_size()));
    const auto packed = kernels::pack_conv2d(g, w.data(), 0, 0);
    measure(state, g, [&] { kernels::conv2d_u8s8(packed, g.batch, x.data(), accumulators.data()); });
  });
}

}  // namespace

int main(int argc, char** argv) {
  for (const Layer& layer : kLayers) register_layer(layer);
  return run_benchmarks(argc, argv);
}
