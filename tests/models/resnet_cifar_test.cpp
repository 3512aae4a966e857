#include "bitgrain/models/resnet_cifar.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "bitgrain/nn/copy_state.hpp"
#include "bitgrain/nn/initialize.hpp"
#include "bitgrain/ops/cross_entropy.hpp"
#include "bitgrain/optim/sgd.hpp"
#include "models/tiny_problem.hpp"
#include "nn/check_module.hpp"

namespace bitgrain {
namespace {

struct Count {
  std::int64_t weights = 0, batch_norm = 0;
};
Count count(const ResNetCifarConfig& config) {
  const ResNetCifar<> net(config);
  Count c;
  for (const auto& p : net.parameters())
    (p.name.find("bn.") == std::string::npos ? c.weights : c.batch_norm) += p.var.numel();
  return c;
}

TEST_CASE("ResNets of every depth have their published numbers of weights, apart from batch norm") {
  CHECK(count({.depth = 8}).weights == 74810);
  CHECK(count({.depth = 20}).weights == 268346);
  CHECK(count({.depth = 32}).weights == 461882);
  CHECK(count({.depth = 44}).weights == 655418);
  CHECK(count({.depth = 56}).weights == 848954);
  CHECK(count({.depth = 20}).batch_norm == 2 * 688);
}

TEST_CASE("shortcut B adds 2,560 weights and two batch norms; classes and input channels change the ends") {
  const Count a = count({.depth = 20}), b = count({.depth = 20, .shortcut = ResNetShortcut::kB});
  CHECK(b.weights == a.weights + 2560);
  CHECK(b.batch_norm == a.batch_norm + 2 * (32 + 64));
  CHECK(count({.depth = 20, .classes = 100}).weights == a.weights + 90 * 65);
  CHECK(count({.depth = 20, .image = {28, 28, 1}}).weights == a.weights - 2 * 9 * 16);
}

TEST_CASE("parameters have the names that allocations and checkpoints go by") {
  const ResNetCifar<> net({.depth = 8, .shortcut = ResNetShortcut::kB});
  std::vector<std::string> weights;
  for (const auto& name : parameter_names(net))
    if (name.ends_with("conv.weight") || name.starts_with("head")) weights.push_back(name);
  CHECK(weights == std::vector<std::string>{"stem.conv.weight", "stage1.0.first.conv.weight",
                                            "stage1.0.second.conv.weight", "stage2.0.first.conv.weight",
                                            "stage2.0.second.conv.weight", "stage2.0.shortcut.conv.weight",
                                            "stage3.0.first.conv.weight", "stage3.0.second.conv.weight",
                                            "stage3.0.shortcut.conv.weight", "head.weight", "head.bias"});
  CHECK(net.describe() == "ResNetCifar(depth 8, image [32,32,3], 10 classes, shortcut B)");
}

TEST_CASE("the nonlinearities of ResNet-20 make 188,416 activations, at most 16,384 in one map") {
  ResNetCifar<> net;
  net.set_training(false);
  const NoGrad no_grad;
  Trace<float> trace;
  CHECK(net(Var<float>(Tensor<float>(Shape{1, 32, 32, 3}, 0.5F))).shape() == Shape{1, 10});
  std::int64_t sum = 0, most = 0, nonlinearities = 0;
  for (const auto& r : trace.records) {
    if (r.op != "relu") continue;
    ++nonlinearities;
    sum += r.output.numel();
    most = std::max(most, r.output.numel());
  }
  CHECK(nonlinearities == 19);
  CHECK(sum == 188416);
  CHECK(most == 16384);
}

TEST_CASE("shortcut A pads (out - in) / 2 zero channels on each side, and only where the shape changes") {
  ResNetCifar<> net({.depth = 20});
  Trace<float> trace;
  net(Var<float>(Tensor<float>(Shape{2, 32, 32, 3}, 0.5F)));
  std::vector<std::string> shortcuts;
  for (const auto& r : trace.records)
    if (r.op == "subsample_pad")
      shortcuts.push_back(detail::concat(r.layer, ": stride ", r.attributes.stride, ", ", r.attributes.pad_before,
                                         " + ", r.attributes.pad_after));
  CHECK(shortcuts == std::vector<std::string>{"stage2.0: stride 2, 8 + 8", "stage3.0: stride 2, 16 + 16"});
}

TEST_CASE("a ResNet runs on images of any size") {
  ResNetCifar<> net({.depth = 8, .image = {28, 28, 1}});
  CHECK(net.input_shape() == Shape{28, 28, 1});
  CHECK(net(Var<float>(Tensor<float>(Shape{2, 28, 28, 1}, 0.5F))).shape() == Shape{2, 10});
  CHECK(net(Var<float>(Tensor<float>(Shape{2, 9, 15, 1}, 0.5F))).shape() == Shape{2, 10});
}

TEST_CASE("gradients of a whole ResNet-8 in double, both shortcuts, training and evaluation") {
  for (const ResNetShortcut shortcut : {ResNetShortcut::kA, ResNetShortcut::kB}) {
    ResNetCifar<FloatLayers<double>> net({.depth = 8, .classes = 3, .shortcut = shortcut, .base_width = 2});
    for (const bool training : {true, false}) {
      initialize(net, 4);
      net.set_training(training);
      const auto report = check_module(net, normal_tensor<double>(Shape{3, 4, 3, 3}, "x"));
      CAPTURE(training);
      CHECK_MESSAGE(report.ok, report.text());
    }
  }
}

TEST_CASE("the double twin of a float ResNet gives the same logits to float accuracy") {
  ResNetCifar<FloatLayers<float>> net({.depth = 8});
  ResNetCifar<FloatLayers<double>> twin({.depth = 8});
  initialize(net, 2);
  const Tensor<float> images = normal_tensor<float>(Shape{4, 16, 16, 3}, "images");
  net(Var<float>(images));  // running statistics away from their start
  copy_state(net, twin);
  net.set_training(false);
  twin.set_training(false);
  const auto y = net(Var<float>(images)).value();
  const auto z = twin(Var<double>(images.cast<double>())).value();
  for (std::int64_t i = 0; i < y.numel(); ++i)
    CHECK(std::abs(static_cast<double>(y[i]) - z[i]) < 1e-4 * std::max(1.0, std::abs(z[i])));
}

TEST_CASE("a ResNet-8 learns a tiny problem by heart, to the same bits at one and two threads") {
  const int threads = num_threads();
  std::vector<std::vector<double>> losses;
  for (const int t : {1, 2}) {
    set_num_threads(t);
    ResNetCifar<> net({.depth = 8, .image = {10, 10, 3}, .classes = 4, .base_width = 8});
    initialize(net, 1);
    losses.push_back(TinyProblem<float>(net.input_shape()).train(net, 30, 5e-3));
  }
  set_num_threads(threads);
  CHECK(losses[0].front() > 1.0);
  CHECK(losses[0].back() < 0.05);
  CHECK(losses[0] == losses[1]);
}

TEST_CASE(
    "weights after 50 steps of ResNet-20 are the same bits at 1, 2 and 3 threads, with either backward precision") {
  const int before = num_threads();
  std::vector<std::vector<float>> by_precision;
  for (const GradPrecision precision : {GradPrecision::fp32, GradPrecision::bf16}) {
    set_grad_precision(precision);
    std::vector<std::vector<float>> weights;
    for (const int threads : {1, 2, 3}) {
      set_num_threads(threads);
      ResNetCifar<> net;
      initialize<float>(net, 1);
      Sgd<float> sgd(net.parameters(), {.learning_rate = 0.05, .momentum = 0.9});
      const std::vector<std::int32_t> labels{0, 1, 2, 3};
      for (int step = 0; step < 50; ++step) {
        sgd.zero_grad();
        const Tensor<float> images =
            normal_tensor<float>(Shape{4, 32, 32, 3}, detail::concat("images ", step).c_str());
        cross_entropy(net(Var<float>(images)), labels).backward();
        sgd.step();
      }
      weights.emplace_back();
      for (const auto& p : net.parameters())
        weights.back().insert(weights.back().end(), p.var.value().values().begin(), p.var.value().values().end());
    }
    CHECK(weights[0] == weights[1]);
    CHECK(weights[0] == weights[2]);
    by_precision.push_back(weights[0]);
  }
  set_grad_precision(GradPrecision::fp32);
  set_num_threads(before);
  CHECK(by_precision[0] != by_precision[1]);  // bf16 was in use
}

TEST_CASE("a depth that is not 6n + 2 is refused") {
  CHECK_THROWS_WITH_AS(ResNetCifar<>({.depth = 18}), doctest::Contains("18"), Error);
  CHECK_THROWS_AS(ResNetCifar<>({.depth = 2}), Error);
}

TEST_CASE("a settled training step asks the system for nothing: no allocations, no page faults") {
#if BITGRAIN_POOL_CACHES
  const int threads = num_threads();
  set_num_threads(
      1);  // with more, it is chance when all of them hold their scratch memory at once for the first time
  ResNetCifar<> net({.depth = 8});
  initialize<float>(net, 1);
  Sgd<float> sgd(net.parameters(), {.learning_rate = 1e-3, .momentum = 0.9});
  const Tensor<float> images(Shape{16, 32, 32, 3}, 0.5F);
  const std::vector<std::int32_t> labels(16, 3);
  const auto step = [&] {
    sgd.zero_grad();
    cross_entropy(net(Var<float>(images)), labels).backward();
    sgd.step();
  };
  const auto page_faults = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
  };
  for (int i = 0; i < 4; ++i) step();
  const auto allocations = MemoryPool::instance().stats().system_allocations;
  const auto faults = page_faults();
  for (int i = 0; i < 20; ++i) step();
  CHECK(MemoryPool::instance().stats().system_allocations == allocations);
  CHECK(page_faults() - faults < 20);  // none in a step; the odd one belongs to the process around it
  set_num_threads(threads);
#endif
}

TEST_CASE("training keeps one tensor per convolution, and the sum where a stage begins") {
  const ResNetCifarConfig config{.depth = 8};
  ResNetCifar<> net(config);
  const std::int64_t batch = 16;
  const Tensor<float> images(Shape{batch, 32, 32, 3}, 0.5F);
  const auto bytes = [] { return MemoryPool::instance().stats().bytes_in_use; };
  const std::size_t before = bytes();
  const Var<float> logits = net(Var<float>(images));
  // Three convolutions with 16 channels at 32x32, two with 32 at 16x16, two with 64 at 8x8. What follows them is
  // recomputed, but for the two sums with a shortcut that is not: those of the stages that change the shape.
  const std::size_t one = sizeof(float) * static_cast<std::size_t>(batch) * 32 * 32 * 16;
  const std::size_t tensors = 3 * one + (2 + 1) * one / 2 + (2 + 1) * one / 4;
  CHECK(bytes() - before >= tensors);
  CHECK(bytes() - before < tensors + tensors / 10);
}

}  // namespace
}  // namespace bitgrain
