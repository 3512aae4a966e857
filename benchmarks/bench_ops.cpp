// What a training step does besides convolutions and matrix products: batch norm, add, ReLU, pooling, the loss, the
// optimizer. These move memory and compute little, so each row stands beside the speed of memory.
//
//   bench_ops [--threads=N] [Google Benchmark's options]
//
// Rows: <op>/bitgrain/<channels>@<size>, of [128, size, size, channels] floats; <op>/separate/<...> is the same work
// by one op after the other instead of the fused one; optimizers are named after what they update. GBPS counts every
// tensor once per pass that must read or write it (batch norm needs two passes over its input, forward and backward),
// the same for fused and separate rows. triad_GBPS is what the row could reach: a[i] = b[i] + 3 c[i] over arrays of
// the row's size, measured beside it, counted in the same way.

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "bitgrain/bitgrain.hpp"
#include "memory_speed.hpp"
#include "threads_flag.hpp"

using namespace bitgrain;

namespace {

// `floats` numbers must be read or written in a run; `n` is the size of the arrays they lie in.
template <class Run>
void measure(benchmark::State& state, std::int64_t floats, std::int64_t n, Run&& run) {
  const double triad = triad_gbps(n);
  for (auto _ : state) {
    run();
    benchmark::ClobberMemory();
  }
  state.counters["GBPS"] =
      benchmark::Counter(4e-9 * static_cast<double>(floats), benchmark::Counter::kIsIterationInvariantRate);
  state.counters["triad_GBPS"] = triad;
}

template <class Body>
void add_row(const std::string& name, Body body) {
  benchmark::RegisterBenchmark(name.c_str(), body)->UseRealTime()->Unit(benchmark::kMicrosecond);
}

// Everything that batch norm and its companions read and write.
struct NormArrays {
  explicit NormArrays(const Shape& shape)
      : channels(shape[-1]),
        rows(shape.numel() / channels),
        x(random_tensor(shape, 1)),
        residual(random_tensor(shape, 2)),
        gradient(random_tensor(shape, 3)),
        y(shape, 0.0F),
        dx(shape, 0.0F),
        vectors(random_tensor(Shape{2, channels}, 4)),
        statistics(Shape{4, channels}, 1.0F) {}
  std::int64_t channels, rows;
  Tensor<float> x, residual, gradient, y, dx, vectors, statistics;

  const float* gamma() const { return vectors.data(); }
  const float* beta() const { return vectors.data() + channels; }
  float* mean() { return statistics.mutable_data(); }
  float* inv_std() { return statistics.mutable_data() + channels; }
  float* dgamma() { return statistics.mutable_data() + 2 * channels; }
  float* dbeta() { return statistics.mutable_data() + 3 * channels; }
};

// run(arrays) moves `tensors` tensors.
template <class Run>
void add_norm(const std::string& name, const Shape& shape, std::int64_t tensors, Run run) {
  add_row(name, [=](benchmark::State& state) {
    NormArrays a(shape);
    measure(state, tensors * shape.numel(), shape.numel(), [&] { run(a); });
  });
}

void statistics_of(NormArrays& a) {
  kernels::batch_norm_statistics(a.rows, a.channels, a.x.data(), a.mean(), a.dgamma());
}
void norm_forward(NormArrays& a) {
  statistics_of(a);
  kernels::batch_norm_forward(a.rows, a.channels, a.x.data(), a.mean(), a.inv_std(), a.gamma(), a.beta(),
                              a.y.mutable_data());
}
void norm_backward(NormArrays& a, const float* dy) {
  kernels::batch_norm_backward(a.rows, a.channels, a.x.data(), dy, a.mean(), a.inv_std(), a.gamma(),
                               a.dx.mutable_data(), a.dgamma(), a.dbeta());
}
void fused_forward(NormArrays& a, const float* residual) {
  statistics_of(a);
  kernels::batch_norm_relu_forward(a.rows, a.channels, a.x.data(), a.mean(), a.inv_std(), a.gamma(), a.beta(),
                                   residual, a.y.mutable_data());
}
void mask(NormArrays& a, Tensor<float>& into) {
  kernels::relu_backward(a.x.numel(), a.y.data(), a.gradient.data(), into.mutable_data());
}

void add_batch_norm(const Shape& shape, const std::string& size) {
  const std::int64_t n = shape.numel();
  add_norm("batch_norm_forward/bitgrain/" + size, shape, 3, norm_forward);
  add_norm("batch_norm_backward/bitgrain/" + size, shape, 5,
           [](NormArrays& a) { norm_backward(a, a.gradient.data()); });
  add_norm("batch_norm_relu_forward/bitgrain/" + size, shape, 3, [](NormArrays& a) { fused_forward(a, nullptr); });
  add_norm("batch_norm_relu_forward/separate/" + size, shape, 3, [n](NormArrays& a) {
    norm_forward(a);
    kernels::relu(n, a.y.data(), a.dx.mutable_data());
  });
  add_norm("batch_norm_relu_backward/bitgrain/" + size, shape, 5, [](NormArrays& a) {
    kernels::batch_norm_relu_backward(a.rows, a.channels, a.x.data(), a.gradient.data(), a.mean(), a.inv_std(),
                                      a.gamma(), a.beta(), a.dx.mutable_data(), a.dgamma(), a.dbeta());
  });
  add_norm("batch_norm_relu_backward/separate/" + size, shape, 5, [](NormArrays& a) {
    mask(a, a.dx);
    norm_backward(a, a.dx.data());
  });
  add_norm("batch_norm_add_relu_forward/bitgrain/" + size, shape, 4,
           [](NormArrays& a) { fused_forward(a, a.residual.data()); });
  add_norm("batch_norm_add_relu_forward/separate/" + size, shape, 4, [n](NormArrays& a) {
    norm_forward(a);
    kernels::add(n, a.y.data(), a.residual.data(), a.dx.mutable_data());
    kernels::relu(n, a.dx.data(), a.y.mutable_data());
  });
  add_norm("batch_norm_add_relu_backward/bitgrain/" + size, shape, 7, [](NormArrays& a) {
    kernels::batch_norm_add_relu_backward(a.rows, a.channels, a.x.data(), a.y.data(), a.gradient.data(), a.mean(),
                                          a.inv_std(), a.gamma(), a.residual.mutable_data(), a.dx.mutable_data(),
                                          a.dgamma(), a.dbeta());
  });
  add_norm("batch_norm_add_relu_backward/separate/" + size, shape, 7, [](NormArrays& a) {
    mask(a, a.residual);
    norm_backward(a, a.residual.data());
  });
}

void add_elementwise(const Shape& shape, const std::string& size) {
  const std::int64_t n = shape.numel();
  add_norm("add/bitgrain/" + size, shape, 3,
           [n](NormArrays& a) { kernels::add(n, a.x.data(), a.residual.data(), a.y.mutable_data()); });
  add_norm("relu_forward/bitgrain/" + size, shape, 2,
           [n](NormArrays& a) { kernels::relu(n, a.x.data(), a.y.mutable_data()); });
  add_norm("relu_backward/bitgrain/" + size, shape, 3, [](NormArrays& a) { mask(a, a.dx); });
}

// Forward and backward of a pooling op, as a training step runs it.
template <class Op>
void add_pool(const std::string& name, const Shape& shape, Op op) {
  add_row(name, [=](benchmark::State& state) {
    const Var<float> x(random_tensor(shape), true);
    const std::int64_t outputs = op(x).numel();
    const Tensor<float> seed = random_tensor(op(x).shape());
    measure(state, 2 * (shape.numel() + outputs), shape.numel(), [&] {
      op(x).backward(seed);
      Var<float>(x).zero_grad();
    });
  });
}

void add_loss(std::int64_t rows, std::int64_t classes) {
  add_row("softmax_cross_entropy/bitgrain/" + std::to_string(rows) + "x" + std::to_string(classes),
          [=](benchmark::State& state) {
            const Tensor<float> logits = random_tensor(Shape{rows, classes});
            Tensor<float> dlogits(logits.shape());
            const std::vector<std::int32_t> labels(static_cast<std::size_t>(rows), 3);
            float loss = 0;
            measure(state, 2 * logits.numel(), logits.numel(), [&] {
              kernels::softmax_cross_entropy(rows, classes, logits.data(), labels.data(), 0.1F, &loss,
                                             dlogits.mutable_data());
            });
          });
}

// One update of all parameters: `tensors` arrays of their size are read or written.
template <class MakeOptimizer>
void add_optimizer(const std::string& name, const std::vector<std::int64_t>& sizes, std::int64_t tensors,
                   MakeOptimizer make) {
  add_row(name, [=](benchmark::State& state) {
    std::vector<Module<float>::Parameter> parameters;
    std::int64_t total = 0;
    for (const std::int64_t size : sizes) {
      Var<float> var(random_tensor(Shape{size}), true);
      var.add_grad(random_tensor(Shape{size}, 2));
      parameters.push_back({std::to_string(parameters.size()), var, true});
      total += size;
    }
    auto optimizer = make(parameters);
    measure(state, tensors * total, total, [&] { optimizer.step(); });
  });
}

void add_optimizers() {
  std::vector<std::int64_t> resnet20;
  for (const auto& p : ResNetCifar<>().parameters()) resnet20.push_back(p.var.numel());
  const auto sgd = [](const auto& parameters) {
    return Sgd<float>(parameters, {.learning_rate = 1e-6, .momentum = 0.9, .weight_decay = 1e-4});
  };
  const auto adam = [](const auto& parameters) { return Adam<float>(parameters, {.learning_rate = 1e-6}); };
  const std::vector<std::int64_t> large{1 << 23};
  for (const auto& [name, sizes] : {std::pair{"resnet20", resnet20}, std::pair{"8M", large}}) {
    add_optimizer(std::string("sgd_momentum/bitgrain/") + name, sizes, 5, sgd);
    add_optimizer(std::string("adam/bitgrain/") + name, sizes, 7, adam);
  }
}

}  // namespace

int main(int argc, char** argv) {
  // The first and the last stage of ResNet-20, and tensors that no cache holds.
  for (const auto& [size, channels] : {std::pair{32, 16}, std::pair{8, 64}, std::pair{32, 64}}) {
    const Shape shape{128, size, size, channels};
    const std::string name = std::to_string(channels) + "@" + std::to_string(size);
    add_batch_norm(shape, name);
    add_elementwise(shape, name);
  }
  add_pool("max_pool2d/bitgrain/64@32", Shape{128, 32, 32, 64},
           [](const Var<float>& x) { return max_pool2d(x, Window2d::square(2, 2)); });
  add_pool("avg_pool2d/bitgrain/64@32", Shape{128, 32, 32, 64},
           [](const Var<float>& x) { return avg_pool2d(x, Window2d::square(2, 2)); });
  add_pool("global_avg_pool/bitgrain/64@8", Shape{128, 8, 8, 64},
           [](const Var<float>& x) { return global_avg_pool(x); });
  add_loss(128, 10);
  add_loss(256, 1000);
  add_optimizers();
  return run_benchmarks(argc, argv);
}
