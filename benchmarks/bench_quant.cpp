// Quantizers, forward and backward, beside the speed of memory.
//
//   bench_quant [--threads=N] [Google Benchmark's options]
//
// Rows: quantize_forward|quantize_backward/<quantizer>/<shape>. Activations <channels>@<size> are [128, size, size,
// channels], weights <out>-<in> are [out, 3, 3, in]. The quantizers are those of the library, called as layers call
// them; batch_norm_lsq and batch_norm_add_lsq are LSQ fused with the batch norm before it (and a residual of codes),
// without the statistics, which training counts in the convolution. GBPS counts what a pass must read or write:
// floats and codes once each, forward; x, dy and dx, backward (the fused rows need a second pass over what is read).
// triad_GBPS is what the row could reach: a[i] = b[i] + 3 c[i] over arrays of the row's size.

#include <benchmark/benchmark.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "bitgrain/bitgrain.hpp"
#include "memory_speed.hpp"
#include "threads_flag.hpp"

using namespace bitgrain;

namespace {

// Reports bytes per second of `run`, which returns the seconds that count.
template <class Run>
void add_row(const std::string& name, std::int64_t n, double bytes, Run run) {
  benchmark::RegisterBenchmark(name.c_str(),
                               [=](benchmark::State& state) {
                                 const double triad = triad_gbps(n);
                                 double seconds = 0;
                                 for (auto _ : state) {
                                   const double taken = run();
                                   state.SetIterationTime(taken);
                                   seconds += taken;
                                 }
                                 state.counters["GBPS"] =
                                     1e-9 * bytes * static_cast<double>(state.iterations()) / seconds;
                                 state.counters["triad_GBPS"] = triad;
                               })
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
}

template <class F>
double seconds_of(F&& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  benchmark::ClobberMemory();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// `forward()` makes a variable from `x`. Bytes per element: what forward reads and writes, what backward does.
template <class Forward>
void add_pair(const std::string& row, const Var<float>& x, double forward_bytes, double backward_bytes,
              Forward forward) {
  const std::int64_t n = x.numel();
  const auto count = static_cast<double>(n);
  add_row("quantize_forward/" + row, n, forward_bytes * count, [forward] {
    Var<float> y;  // its memory is given back outside the time
    return seconds_of([&] { y = forward(); });
  });
  const Tensor<float> seed = random_tensor(x.shape(), 2);
  add_row("quantize_backward/" + row, n, backward_bytes * count, [=] {
    const Var<float> y = forward();
    Tensor<float> gradient = seed.clone();
    const double taken = seconds_of([&] { y.backward(std::move(gradient)); });
    Var<float>(x).zero_grad();
    return taken;
  });
}

QuantizerSpec weights(std::int64_t channels) { return {QuantRole::kWeights, 4, channels, Grid::kSigned, false, {}}; }
QuantizerSpec activations() { return {QuantRole::kActivations, 4, 1, Grid::kUnsigned, false, {}}; }

template <class Q>
void add_quantizer(const std::string& row, const Shape& shape, Q quantizer) {
  const auto q = std::make_shared<Q>(std::move(quantizer));
  const Var<float> x(random_tensor(shape), true);
  const Var<float> y = (*q)(x);  // initialises the step
  quantizer_set_training(*q, true);
  add_pair(row, x, 4 + (y.has_code_bytes() ? 1 : 4), 12, [q, x] { return (*q)(x); });
}

void add_fused(const Shape& shape, const std::string& size, bool with_residual) {
  const Var<float> x(random_tensor(shape), true);
  const Shape channels{shape[-1]};
  const Var<float> gamma(Tensor<float>(channels, 1.0F), true), beta(Tensor<float>(channels, 0.5F), true),
      step(Tensor<float>(Shape{1}, 0.1F), true);
  const auto moments = std::make_shared<ChannelMoments<float>>(
      ChannelMoments<float>{Tensor<float>(channels, 0.1F), Tensor<float>(channels, 0.3F)});
  Var<float>(x).set_moments(moments);
  const auto options = fake_quantize_options(activations());
  Var<float> residual;
  if (with_residual) {
    residual = fake_quantize(Var<float>(random_tensor(shape, 3)), step, options).detach();
    residual.set_requires_grad(true);
  }
  const Tensor<float> mean(channels, 0.0F), var(channels, 1.0F);
  // Backward reads x and dy, writes dx; the residual's codes are read and its gradient is written.
  add_pair((with_residual ? "batch_norm_add_lsq/" : "batch_norm_lsq/") + size, x, with_residual ? 6 : 5,
           with_residual ? 17 : 12, [=] {
             const Var<float> y =
                 batch_norm_quantize_train(x, gamma, beta, mean, var, 0.1, 1e-5, residual, step, options);
             for (const auto& v : {gamma, beta, step, residual})
               if (v.defined()) Var<float>(v).zero_grad();
             return y;
           });
}

}  // namespace

int main(int argc, char** argv) {
  for (const auto& [size, channels] : {std::pair{32, 16}, std::pair{8, 64}, std::pair{32, 64}}) {
    const Shape shape{128, size, size, channels};
    const std::string name = std::to_string(channels) + "@" + std::to_string(size);
    add_quantizer("lsq_activations/" + name, shape, Lsq<float>(activations()));
    add_quantizer("uniform_ste_activations/" + name, shape, UniformSte<float>(activations()));
    add_fused(shape, name, false);
    add_fused(shape, name, true);
  }
  for (const std::int64_t channels : {16, 64, 512}) {
    const Shape shape{channels, 3, 3, channels};
    const std::string name = std::to_string(channels) + "-" + std::to_string(channels);
    add_quantizer("lsq_weights/" + name, shape, Lsq<float>(weights(1)));
    add_quantizer("lsq_weights_per_channel/" + name, shape, Lsq<float>(weights(channels)));
    add_quantizer("lsq_bank_weights/" + name, shape, LsqBank<float>(weights(1), {4, 2, 8}, {}));
    add_quantizer("uniform_ste_weights/" + name, shape, UniformSte<float>(weights(1)));
  }
  return run_benchmarks(argc, argv);
}
