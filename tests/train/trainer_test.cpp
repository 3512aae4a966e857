#include "bitgrain/train/trainer.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "bitgrain/models/resnet_cifar.hpp"
#include "bitgrain/nn/initialize.hpp"
#include "bitgrain/ops/mul.hpp"
#include "bitgrain/ops/sub.hpp"
#include "bitgrain/ops/sum.hpp"
#include "bitgrain/optim/one_cycle.hpp"
#include "bitgrain/optim/sgd.hpp"
#include "bitgrain/quant/install.hpp"
#include "bitgrain/quant/quant_layers.hpp"
#include "synthetic_images.hpp"

using namespace bitgrain;

namespace {

const InputEncoding kEncoding = InputEncoding::unsigned_bytes(1);
ResNetCifarConfig tiny() { return {.depth = 8, .image = {8, 8, 1}, .classes = 4, .base_width = 4}; }

struct Run {
  explicit Run(const std::string& quantizer, int epochs = 1, std::int64_t images = 256)
      : data(synthetic_images(images, 1)),
        net(tiny(), bits()),
        loader(data, kEncoding, LoaderOptions::training(16, 7)) {
    initialize(net, 3);
    install_quantizers(net, quantizer_factory<float>(quantizer), quantizer_factory<float>(quantizer));
    optimizer = std::make_unique<Sgd<float>>(
        net.parameters(),
        SgdOptions{.learning_rate = 0.05, .momentum = 0.9, .nesterov = true, .weight_decay = 1e-4, .groups = {}});
    options.epochs = epochs;
  }
  static AnyLayers<>::Options bits() {
    AnyLayers<>::Options o;
    o.weight_bits = o.activation_bits = 4;
    return o;
  }
  void fit(std::vector<TrainHook*> hooks = {}) {
    Trainer trainer(net, *optimizer, OneCycle{.max_rate = 0.05, .steps = options.epochs * loader.steps()}, loader,
                    options);
    for (TrainHook* hook : hooks) trainer.add_hook(*hook);
    trainer.fit();
    last = trainer.state().evaluation;
  }
  std::vector<float> weights() const {
    std::vector<float> all;
    for (const auto& p : net.parameters())
      all.insert(all.end(), p.var.value().values().begin(), p.var.value().values().end());
    for (const auto& b : net.buffers()) all.insert(all.end(), b.tensor.values().begin(), b.tensor.values().end());
    return all;
  }
  ImageDataset data;
  ResNetCifar<AnyLayers<>> net;
  BatchLoader loader;
  std::unique_ptr<Sgd<float>> optimizer;
  TrainOptions options;
  std::optional<Evaluation> last;
};

// Counts what the trainer calls.
struct Counter final : TrainHook {
  int train_begin = 0, epochs_begun = 0, steps_begun = 0, losses = 0, gradients = 0, steps_ended = 0,
      epochs_ended = 0, train_end = 0;
  void on_train_begin(TrainState&) override { ++train_begin; }
  void on_epoch_begin(TrainState&) override { ++epochs_begun; }
  void on_step_begin(TrainState&) override { ++steps_begun; }
  Var<float> extra_loss(TrainState&) override {
    ++losses;
    return {};
  }
  void on_gradients(TrainState& s) override {
    ++gradients;
    for (const auto& p : s.model.parameters())
      if (p.name == "head.weight") CHECK(p.var.grad().defined());
  }
  void on_step_end(TrainState&) override { ++steps_ended; }
  void on_epoch_end(TrainState&) override { ++epochs_ended; }
  void on_train_end(TrainState&) override { ++train_end; }
};

}  // namespace

TEST_CASE("a float and a 4-bit network learn the synthetic task; the quantized one is judged by the engine") {
  for (const char* quantizer : {"float", "lsq"}) {
    Run run(quantizer, 4);
    const ImageDataset test = synthetic_images(200, 99);
    run.options.validation = &test;
    run.fit();
    REQUIRE(run.last.has_value());
    CHECK(run.last->accuracy() > 0.95);
    CHECK(run.last->arithmetic == (std::string(quantizer) == "lsq" ? "integer engine" : "float graph"));
  }
}

TEST_CASE("same seed, same bits: weights after 50 steps are identical at 1, 2 and 3 threads, float and LSQ") {
  const int before = num_threads();
  for (const char* quantizer : {"float", "lsq"}) {
    std::vector<std::vector<float>> results;
    for (const int threads : {1, 2, 3}) {
      set_num_threads(threads);
      Run run(quantizer, 1, 50 * 16);
      run.fit();
      results.push_back(run.weights());
    }
    CHECK(results[0] == results[1]);
    CHECK(results[0] == results[2]);
  }
  set_num_threads(before);
}

TEST_CASE("steady-state training asks the system for no memory") {
#if BITGRAIN_POOL_CACHES
  struct Watch final : TrainHook {
    std::vector<std::uint64_t> allocations;
    void on_step_end(TrainState&) override {
      allocations.push_back(MemoryPool::instance().stats().system_allocations);
    }
  } watch;
  Run run("lsq", 3);
  run.fit({&watch});
  REQUIRE(watch.allocations.size() == 48);
  CHECK(watch.allocations.back() == watch.allocations[16]);
#endif
}

TEST_CASE("hooks are called at every turn, and extra losses reach the gradients but not the reported loss") {
  Counter counter;
  Run run("float", 2);
  run.fit({&counter});
  CHECK(counter.train_begin == 1);
  CHECK(counter.epochs_begun == 2);
  CHECK(counter.steps_begun == 32);
  CHECK(counter.losses == 32);
  CHECK(counter.gradients == 32);
  CHECK(counter.steps_ended == 32);
  CHECK(counter.epochs_ended == 2);
  CHECK(counter.train_end == 1);

  struct Pull final : TrainHook {  // pulls the head's bias towards 5
    Var<float> extra_loss(TrainState& s) override {
      for (const auto& p : s.model.parameters()) {
        if (p.name != "head.bias") continue;
        const Var<float> distance = add(p.var, Var<float>(Tensor<float>(p.var.shape(), -5.0f)));
        return sum(mul(distance, distance));
      }
      return {};
    }
  } pull;
  Run pulled("float", 4);
  pulled.fit({&pull});
  for (const auto& p : pulled.net.parameters())
    if (p.name == "head.bias")
      for (const float v : p.var.value().values()) CHECK(v == doctest::Approx(5).epsilon(0.2));
}

TEST_CASE("a hook can stop the run after a step") {
  struct Stop final : TrainHook {
    void on_step_end(TrainState& s) override { s.stop = s.step == 5; }
  } stop;
  Run run("float", 3);
  run.fit({&stop});
  Counter counter;
  Run counted("float", 3);
  counted.fit({&stop, &counter});
  CHECK(counter.steps_ended == 5);
  CHECK(counter.epochs_ended == 0);  // the epoch is not complete
  CHECK(counter.train_end == 1);
}

TEST_CASE("quantizers hear of epochs and steps, and their extra loss is added") {
  struct Listener {
    using Scalar = float;
    std::shared_ptr<std::vector<int>> heard;
    Var<float> operator()(const Var<float>& x) { return relu(x); }
    int bits() const { return 32; }
    void set_bits(int) {}
    std::vector<QuantParameter<float>> parameters() const { return {}; }
    void begin_epoch(const QuantProgress& p) { heard->push_back(1000 + p.epoch); }
    void begin_step(const QuantProgress& p) { heard->push_back(static_cast<int>(p.step)); }
  };
  const auto heard = std::make_shared<std::vector<int>>();
  Run run("float", 2, 32);
  for (QuantSite<float>* site : quant_sites<float>(run.net))
    if (site->site_name() == "stem.act") *site->any() = Listener{heard};
  run.fit();
  CHECK(*heard == std::vector<int>{1000, 0, 1, 1001, 2, 3});
}

TEST_CASE("a run that was stopped goes on with its next step to the same weights") {
  struct Stop final : TrainHook {
    void on_step_end(TrainState& s) override { s.stop = s.step == 5 || s.step == 16; }
  } stop;
  for (const char* quantizer : {"float", "lsq"}) {
    Run straight(quantizer, 2);
    straight.fit();
    Run run(quantizer, 2);
    Counter counter;
    Trainer trainer(run.net, *run.optimizer, OneCycle{.max_rate = 0.05, .steps = 2 * run.loader.steps()}, run.loader,
                    run.options);
    trainer.add_hook(stop);
    trainer.add_hook(counter);
    for (const std::int64_t reached : {5, 16, 32}) {
      trainer.state().stop = false;
      trainer.fit();
      CHECK(trainer.state().step == reached);
    }
    CHECK(run.weights() == straight.weights());
    CHECK(counter.steps_ended == 32);
    CHECK(counter.epochs_ended == 2);
  }
}

TEST_CASE("quantizers are told when an epoch begins a second time") {
  struct Listener {
    using Scalar = float;
    std::shared_ptr<std::vector<QuantProgress>> heard;
    Var<float> operator()(const Var<float>& x) { return relu(x); }
    int bits() const { return 32; }
    void set_bits(int) {}
    std::vector<QuantParameter<float>> parameters() const { return {}; }
    void begin_epoch(const QuantProgress& p) { heard->push_back(p); }
  };
  struct Stop final : TrainHook {
    void on_step_end(TrainState& s) override { s.stop = s.step == 1; }
  } stop;
  const auto heard = std::make_shared<std::vector<QuantProgress>>();
  Run run("float", 1, 32);
  for (QuantSite<float>* site : quant_sites<float>(run.net))
    if (site->site_name() == "stem.act") *site->any() = Listener{heard};
  Trainer trainer(run.net, *run.optimizer, ConstantLr{0.05}, run.loader, run.options);
  trainer.add_hook(stop);
  trainer.fit();
  trainer.state().stop = false;
  trainer.fit();
  REQUIRE(heard->size() == 2);
  CHECK_FALSE((*heard)[0].resumed);
  CHECK((*heard)[1].resumed);
  CHECK((*heard)[1].step == 0);  // of the beginning of the epoch, as at first
}

TEST_CASE("a loss that is no number stops the run, naming step, learning rate and where it began") {
  Run run("float");
  for (auto& p : run.net.parameters())
    if (p.name == "head.bias") p.var.mutable_value().fill(std::numeric_limits<float>::quiet_NaN());
  CHECK_THROWS_WITH_AS(run.fit(), doctest::Contains("at step 0 (epoch 1, learning rate"), Error);
  Run again("float");
  for (auto& p : again.net.parameters())
    if (p.name == "stage1.0.first.bn.weight") p.var.mutable_value().fill(std::numeric_limits<float>::max());
  CHECK_THROWS_WITH_AS(again.fit(), doctest::Contains("in the forward pass, in the output of layer 'stage1.0.first"),
                       Error);
}

TEST_CASE("a gradient that is no number stops the run before the optimizer takes it in") {
  struct Pull final : TrainHook {  // a loss of 0 with an infinite slope, from step 3 on
    Var<float> extra_loss(TrainState& s) override {
      for (const auto& p : s.model.parameters())
        if (p.name == "head.bias" && s.step == 3) {
          const Var<float> steep(Tensor<float>(p.var.shape(), 1e30f));
          return sum(mul(mul(sub(p.var, p.var.detach()), steep), steep));
        }
      return {};
    }
  } pull;
  Run run("float");
  CHECK_THROWS_WITH_AS(run.fit({&pull}),
                       doctest::Contains("the gradient of 'head.bias' is no longer finite at step 3"), Error);
  for (const float w : run.weights()) CHECK(std::isfinite(w));
}

TEST_CASE("training without an epoch is refused") {
  Run run("float");
  run.options.epochs = 0;
  CHECK_THROWS_WITH_AS(run.fit(), doctest::Contains("at least 1 epoch"), Error);
}
