// Convolutions as the training step and the engine call them, packing included, beside oneDNN's where it is
// installed.
//
//   bench_conv [--threads=N] [--shape=N,H,W,I,O,K[,stride[,pad[,groups[,dilation]]]]]... [--sweep=1] [--winograd=0]
//              [Google Benchmark's options]
//
// Rows: conv_forward | conv_backward_data | conv_backward_weights / bitgrain | onednn | onednn_winograd | reference /
// <layer>, conv_backward_data_bf16 | conv_backward_weights_bf16 | conv_int8_forward / bitgrain / <layer>.
// --winograd=0 keeps bitgrain from Winograd's method. GFLOPS counts 2 operations per multiply-accumulate inside the
// image, zero padding not counted, for everybody. The reference runs only on shapes named on the command line.

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "bitgrain/base/random.hpp"
#include "bitgrain/kernels/bf16/conv2d.hpp"
#include "bitgrain/kernels/f32/conv2d.hpp"
#include "bitgrain/kernels/int8/conv2d.hpp"
#include "bitgrain/kernels/reference/conv2d.hpp"
#include "bitgrain/tensor/tensor.hpp"
#include "conv_layers.hpp"
#if defined(BITGRAIN_BENCH_ONEDNN)
#include "onednn_conv.hpp"
#endif
#include "threads_flag.hpp"

using namespace bitgrain;

namespace {

// Numbers as the library's callers hold them: in tensors, which begin at a cache line. (A large std::vector does not:
// every vector of 64 bytes would cross a line, and no result would be streamed.)
Tensor<float> random_floats(std::int64_t n) {
  Tensor<float> v(Shape{n});
  RandomStream random(1, "bench");
  for (float& x : v.mutable_values()) x = static_cast<float>(random.uniform(-1, 1));
  return v;
}

template <class Run>
void measure(benchmark::State& state, const ConvGeometry& g, Run&& run) {
  for (auto _ : state) {
    run();
    benchmark::ClobberMemory();
  }
  state.counters["GFLOPS"] =
      benchmark::Counter(conv_operations(g) * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

template <class Body>
void add(const std::string& name, Body body) {
  benchmark::RegisterBenchmark(name.c_str(), body)->UseRealTime()->Unit(benchmark::kMicrosecond);
}

// Kernels of the namespaces kernels and kernels::reference have the same interface.
template <class Forward>
void add_forward(const std::string& name, const ConvGeometry& g, Forward forward) {
  add(name, [g, forward](benchmark::State& state) {
    const auto x = random_floats(g.input_size()), w = random_floats(g.weight_size());
    Tensor<float> y(Shape{g.output_size()});
    measure(state, g, [&] { forward(g, x.data(), w.data(), nullptr, y.mutable_data()); });
  });
}
template <class BackwardData>
void add_backward_data(const std::string& name, const ConvGeometry& g, BackwardData backward_data) {
  add(name, [g, backward_data](benchmark::State& state) {
    const auto dy = random_floats(g.output_size()), w = random_floats(g.weight_size());
    Tensor<float> dx(Shape{g.input_size()});
    measure(state, g, [&] { backward_data(g, dy.data(), w.data(), dx.mutable_data()); });
  });
}
template <class BackwardWeights>
void add_backward_weights(const std::string& name, const ConvGeometry& g, BackwardWeights backward_weights) {
  add(name, [g, backward_weights](benchmark::State& state) {
    const auto x = random_floats(g.input_size()), dy = random_floats(g.output_size());
    Tensor<float> dw(Shape{g.weight_size()});
    measure(state, g, [&] { backward_weights(g, x.data(), dy.data(), dw.mutable_data(), nullptr); });
  });
}

#if defined(BITGRAIN_BENCH_ONEDNN)
template <class Make>
void add_onednn(const std::string& name, const ConvGeometry& g, onednn::Direction direction, Make make) {
  add(name, [g, direction, make](benchmark::State& state) {
    const auto conv = make(direction, g);
    if (!conv) return state.SkipWithError("oneDNN has no such convolution");
    measure(state, g, [&] { conv->run(); });
    state.SetLabel(conv->implementation());
  });
}
#endif

void add_layer(const ConvLayer& layer, bool with_reference) {
  const ConvGeometry g = layer.geometry;
  add_forward("conv_forward/bitgrain/" + layer.name, g, kernels::conv2d_forward<float>);
  add_backward_data("conv_backward_data/bitgrain/" + layer.name, g, kernels::conv2d_backward_data<float>);
  add_backward_weights("conv_backward_weights/bitgrain/" + layer.name, g, kernels::conv2d_backward_weights<float>);
  add_backward_data("conv_backward_data_bf16/bitgrain/" + layer.name, g, kernels::conv2d_backward_data_bf16<>);
  add_backward_weights("conv_backward_weights_bf16/bitgrain/" + layer.name, g,
                       kernels::conv2d_backward_weights_bf16<>);
  if (with_reference) {
    namespace reference = kernels::reference;
    add_forward("conv_forward/reference/" + layer.name, g, reference::conv2d_forward<float>);
    add_backward_data("conv_backward_data/reference/" + layer.name, g, reference::conv2d_backward_data<float>);
    add_backward_weights("conv_backward_weights/reference/" + layer.name, g,
                         reference::conv2d_backward_weights<float>);
  }
#if defined(BITGRAIN_BENCH_ONEDNN)
  const Window2d& w = g.window;
  const bool winograd = g.groups == 1 && w == Window2d::square(3, 1, w.pad_h);
  for (const auto& [what, direction] : {std::pair{"conv_forward/", onednn::Direction::forward},
                                        std::pair{"conv_backward_data/", onednn::Direction::backward_data},
                                        std::pair{"conv_backward_weights/", onednn::Direction::backward_weights}}) {
    add_onednn(std::string(what) + "onednn/" + layer.name, g, direction, onednn::best_direct);
    if (winograd) add_onednn(std::string(what) + "onednn_winograd/" + layer.name, g, direction, onednn::winograd);
  }
#endif
  // The engine's accumulators: u8 codes, s8 weights packed once, as the engine does.
  add("conv_int8_forward/bitgrain/" + layer.name, [g](benchmark::State& state) {
    Tensor<std::uint8_t> x(Shape{g.input_size()});
    std::vector<std::int8_t> weights(static_cast<std::size_t>(g.weight_size()));
    RandomStream random(1, "bench");
    for (auto& v : x.mutable_values()) v = static_cast<std::uint8_t>(random.below(256));
    for (auto& v : weights) v = static_cast<std::int8_t>(static_cast<int>(random.below(255)) - 127);
    Tensor<std::int32_t> accumulators(Shape{g.output_size()});
    const auto packed = kernels::pack_conv2d(g, weights.data(), 0, 0);
    measure(state, g, [&] { kernels::conv2d_u8s8(packed, g.batch, x.data(), accumulators.mutable_data()); });
  });
}

}  // namespace

int main(int argc, char** argv) {
  for (const std::string& allowed : take_flags(argc, argv, "winograd")) kernels::set_winograd(allowed != "0");
  const auto shapes = take_flags(argc, argv, "shape");
  if (!take_flags(argc, argv, "sweep").empty()) {
    for (const ConvLayer& layer : sweep_layers()) add_layer(layer, false);
  } else if (shapes.empty()) {
    for (const ConvLayer& layer : known_layers()) add_layer(layer, false);
  }
  for (const std::string& shape : shapes) add_layer(parse_layer(shape), true);
  return run_benchmarks(argc, argv);
}
