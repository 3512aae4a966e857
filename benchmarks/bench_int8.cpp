// 8-bit convolutions and matrix products from codes to codes, as the engine runs them: u8 in, s8 weights packed once,
// requantized per channel to u8 while the accumulators are in cache. Beside oneDNN's where it is installed.
//
//   bench_int8 [--threads=N] [--shape=N,H,W,I,O,K[,stride[,pad[,groups[,dilation]]]]]... [--gemm=MxNxK]...
//              [Google Benchmark's options]
//
// Rows: conv_int8 / bitgrain | onednn / <layer> and gemm_int8 / bitgrain | onednn / MxNxK. GOPS counts 2 operations
// per multiply-accumulate inside the image, zero padding not counted, for everybody.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/base/random.hpp"
#include "bitgrain/deploy/requantize.hpp"
#include "bitgrain/kernels/int8/conv2d.hpp"
#include "conv_layers.hpp"
#include "gemm_shapes.hpp"
#if defined(BITGRAIN_BENCH_ONEDNN)
#include "onednn_int8.hpp"
#endif
#include "threads_flag.hpp"

using namespace bitgrain;

namespace {

// Requantizes accumulators of `taps` products to u8 so that most codes lie inside the range.
kernels::Requantization make_requantization(std::int64_t channels, double taps) {
  const double step = 60 / (147 * 73 * std::sqrt(taps));  // standard deviations of the operands below
  std::vector<double> scale(static_cast<std::size_t>(channels)), shift(scale.size());
  for (std::size_t c = 0; c < scale.size(); ++c) {
    scale[c] = step * (0.5 + static_cast<double>(c % 7) / 7);
    shift[c] = 100.25 + static_cast<double>(c % 5);
  }
  const auto bound = static_cast<std::int64_t>(255 * 127 * taps);
  const deploy::RequantizeOp op = deploy::make_requantize("bench", 1, {{0, scale, bound}}, shift, 0, 255);
  return kernels::make_requantization(op.terms[0].multiplier, {}, op.bias, op.shift, 0, 255, 0, bound);
}

void add_bitgrain(const std::string& name, const ConvGeometry& g) {
  benchmark::RegisterBenchmark(
      name.c_str(),
      [g](benchmark::State& state) {
        // Aligned as tensors are.
        const Scratch<std::uint8_t> x(static_cast<std::size_t>(g.input_size())),
            y(static_cast<std::size_t>(g.output_size()));
        std::vector<std::int8_t> weights(static_cast<std::size_t>(g.weight_size()));
        RandomStream random(1, "bench");
        std::generate_n(x.data(), g.input_size(), [&] { return static_cast<std::uint8_t>(random.below(256)); });
        for (auto& v : weights) v = static_cast<std::int8_t>(static_cast<int>(random.below(255)) - 127);
        const auto packed = kernels::pack_conv2d(g, weights.data(), 0, 0);
        const auto taps = static_cast<double>(g.window.kernel_h * g.window.kernel_w * g.group_in());
        const auto requantization = make_requantization(g.out_channels, taps);
        const std::int64_t image_in = g.in_h * g.in_w * g.in_channels, pixels = g.out_h() * g.out_w();
        // Images together as long as they stay in the second-level cache, as the engine does.
        const std::int64_t chunk = std::clamp<std::int64_t>((1 << 19) / (image_in + pixels * g.out_channels), 1, 256);
        for (auto _ : state) {
          parallel_for(g.batch, chunk, [&](std::int64_t begin, std::int64_t end) {
            kernels::conv2d_u8s8_codes(packed, end - begin, x.data() + begin * image_in, requantization, nullptr,
                                       y.data() + begin * pixels * g.out_channels);
          });
          benchmark::ClobberMemory();
        }
        state.counters["GOPS"] =
            benchmark::Counter(conv_operations(g) * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
        state.SetLabel(kernels::BestDot::kName);
      })
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond);
}

#if defined(BITGRAIN_BENCH_ONEDNN)
template <class Make>
void add_onednn(const std::string& name, double operations, Make make) {
  benchmark::RegisterBenchmark(name.c_str(),
                               [operations, make](benchmark::State& state) {
                                 const onednn_int8::Way way = make();
                                 if (!way.run) return state.SkipWithError("oneDNN has no such kernel");
                                 for (auto _ : state) {
                                   way.run();
                                   benchmark::ClobberMemory();
                                 }
                                 state.counters["GOPS"] = benchmark::Counter(
                                     operations * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
                                 state.SetLabel(way.how);
                               })
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond);
}
#endif

void add_layer(const ConvLayer& layer) {
  const ConvGeometry g = layer.geometry;
  add_bitgrain("conv_int8/bitgrain/" + layer.name, g);
#if defined(BITGRAIN_BENCH_ONEDNN)
  add_onednn("conv_int8/onednn/" + layer.name, conv_operations(g), [g] { return onednn_int8::best_conv(g); });
#endif
}

void add_gemm(const GemmShape& s) {
  const std::string name = std::to_string(s.m) + "x" + std::to_string(s.n) + "x" + std::to_string(s.k);
  add_bitgrain("gemm_int8/bitgrain/" + name, {s.m, 1, 1, s.k, s.n, Window2d::square(1), 1});
#if defined(BITGRAIN_BENCH_ONEDNN)
  add_onednn("gemm_int8/onednn/" + name, s.operations(), [s] { return onednn_int8::best_gemm(s.m, s.n, s.k); });
#endif
}

}  // namespace

int main(int argc, char** argv) {
  const auto shapes = take_flags(argc, argv, "shape"), products = take_flags(argc, argv, "gemm");
  for (const std::string& shape : shapes) add_layer(parse_layer(shape));
  for (const std::string& product : products) {
    const GemmShape s = parse_gemm_shape(product);
    if (s.m == 0 || s.trans_a || s.trans_b) bad_flag(product, "--gemm=MxNxK");
    add_gemm(s);
  }
  if (shapes.empty() && products.empty()) {
    for (const ConvLayer& layer : known_layers()) add_layer(layer);
    for (const GemmShape& s : std::vector<GemmShape>{
             {1024, 1024, 1024}, {512, 512, 512}, {256, 256, 256}, {128, 512, 1024}, {128, 10, 512}, {1, 1024, 8192}})
      add_gemm(s);
  }
  return run_benchmarks(argc, argv);
}
