// A checkpoint must hold everything that the next step depends on, and must never be read into the wrong run.
#include "bitgrain/run/checkpoint.hpp"

#include <doctest/doctest.h>

#include "bitgrain/nn/batch_norm2d.hpp"
#include "bitgrain/nn/dropout.hpp"
#include "bitgrain/nn/linear.hpp"
#include "bitgrain/optim/adam.hpp"
#include "error_of.hpp"
#include "run/folder.hpp"
#include "run/tiny_training.hpp"

using namespace bitgrain;

namespace {
std::vector<float> weights(const Module<float>& model) {
  std::vector<float> all;
  for (const auto& p : model.parameters())
    all.insert(all.end(), p.var.value().data(), p.var.value().data() + p.var.numel());
  return all;
}
struct StopAt final : TrainHook {
  explicit StopAt(std::int64_t at) : step(at) {}
  void on_step_end(TrainState& state) override { state.stop = state.step >= step; }
  std::int64_t step;
};
CheckpointInfo info_of(const std::string& run) {
  CheckpointInfo info;
  info.run = run;
  return info;
}
}  // namespace

TEST_CASE("a run that is stopped after any step and resumed ends with the same weights and the same means") {
  const TestFolder folder("checkpoint");
  TinyTraining straight(3);
  straight.options.validation = &straight.data;
  straight.trainer().fit();
  for (std::int64_t step = 1; step <= 15; ++step) {  // 5 steps per epoch
    CAPTURE(step);
    TinyTraining first(3);
    StopAt stop(step);
    first.trainer().add_hook(stop);
    first.trainer().fit();
    CHECK(first.trainer().state().step == step);
    save_checkpoint(folder / "c", first.trainer().state(), info_of("run"));

    TinyTraining second(3);
    second.options.validation = &second.data;
    TrainState& state = second.trainer().state();
    load_checkpoint(folder / "c", state, "run");
    CHECK(state.step == step);
    CHECK(state.loss == first.trainer().state().loss);
    second.trainer().fit();
    CHECK(weights(second.net) == weights(straight.net));
    CHECK(state.loss == straight.trainer().state().loss);
    CHECK(state.accuracy == straight.trainer().state().accuracy);
    REQUIRE(state.evaluation.has_value());
    CHECK(state.evaluation->loss == straight.trainer().state().evaluation->loss);
  }
}

TEST_CASE("a finished run comes back with its evaluation, and has nothing left to do") {
  const TestFolder folder("checkpoint");
  TinyTraining done(2), again(2);
  done.options.validation = &done.data;
  done.trainer().fit();
  CheckpointInfo info = info_of("run");
  info.best_accuracy = 0.625;
  save_checkpoint(folder / "c", done.trainer().state(), info);
  TrainState& state = again.trainer().state();
  const CheckpointInfo found = load_checkpoint(folder / "c", state, "run");
  CHECK(found.best_accuracy == 0.625);
  CHECK(found.kernels == kernels::kernels_in_use());
  CHECK(state.finished());
  again.trainer().fit();
  CHECK(state.step == 10);
  REQUIRE(state.evaluation.has_value());
  CHECK(state.evaluation->correct == done.trainer().state().evaluation->correct);
  CHECK(state.evaluation->arithmetic == "integer engine");
  CHECK(state.accuracy == done.trainer().state().accuracy);
}

TEST_CASE("dropout's random numbers, Adam's state and every copy of a batch norm come back") {
  class Net final : public Module<float> {
   public:
    Net() {
      register_module("bn", bn_);
      register_module("drop", drop_);
      register_module("fc", fc_);
      bn_.use_copies(3);
    }
    Var<float> forward(const Var<float>& x) override {
      bn_.select_copy(static_cast<int>(drop_.stream().position() % 3));
      return fc_(drop_(bn_(flatten(x))));
    }

   private:
    BatchNorm2d<float> bn_{16};
    Dropout<float> drop_{0.3, 5};
    Linear<float> fc_{16, 2};
  };
  struct Run {
    TinyTraining tiny{4};
    Net net;
    Adam<float> adam{net.parameters()};
    Trainer trainer{net, adam, ConstantLr{0.01}, tiny.loader, tiny.options};
    std::vector<float> all() const {
      std::vector<float> values = weights(net);
      for (const auto& b : net.buffers()) values.insert(values.end(), b.tensor.data(), b.tensor.data() + 16);
      return values;
    }
  };
  const TestFolder folder("checkpoint");
  Run straight, first, second;
  straight.trainer.fit();
  StopAt stop(7);
  first.trainer.add_hook(stop);
  first.trainer.fit();
  save_checkpoint(folder / "c", first.trainer.state(), info_of("run"));
  CHECK(SafetensorsFile::read(folder / "c").has("model.bn.copy2.running_var"));
  load_checkpoint(folder / "c", second.trainer.state(), "run");
  second.trainer.fit();
  CHECK(second.all() == straight.all());
}

TEST_CASE("a checkpoint of another run, or damaged, changes nothing") {
  const TestFolder folder("checkpoint");
  TinyTraining tiny(2);
  tiny.trainer().fit();
  save_checkpoint(folder / "c", tiny.trainer().state(), info_of(R"({"lr":0.05,"epochs":2,"data":"mnist"})"));

  const auto objection = [](const std::string& path, int epochs, const char* run) {
    TinyTraining other(epochs);
    const auto before = weights(other.net);
    const std::string message = error_of([&] { load_checkpoint(path, other.trainer().state(), run); });
    CHECK(weights(other.net) == before);
    CHECK(other.trainer().state().epoch == 0);
    return message;
  };
  const char* same = R"({"lr":0.05,"epochs":2,"data":"mnist"})";
  const std::string other = objection(folder / "c", 2, R"({"lr":0.1,"epochs":2,"data":"mnist"})");
  CHECK(contains(other, "belongs to another run: 'lr' is 0.05 there and 0.1 here"));
  CHECK_FALSE(contains(other, "epochs"));
  CHECK(contains(objection(folder / "c", 1, same), "2 of 1 epochs cannot be done"));
  const std::string bytes = folder.text("c");
  write_file_atomically(folder / "cut", bytes.substr(0, bytes.size() - 10));
  CHECK(contains(objection(folder / "cut", 2, same), "the tensors have"));
  SafetensorsWriter foreign;
  foreign.save(folder / "foreign");
  CHECK(contains(objection(folder / "foreign", 2, same), "this is not a checkpoint"));
}

TEST_CASE("a step that does not belong to its epoch is refused") {
  const TestFolder folder("checkpoint");
  TinyTraining tiny(3), other(3);
  TrainState& state = tiny.trainer().state();
  state.epoch = 1;
  state.step = 11;
  save_checkpoint(folder / "c", state, info_of("run"));
  CHECK(contains(error_of([&] { load_checkpoint(folder / "c", other.trainer().state(), "run"); }),
                 "step 11 is not in epoch 2"));
}

TEST_CASE("a checkpoint reads as the network it holds; other files read as they are") {
  const TestFolder folder("checkpoint");
  TinyTraining tiny(1);
  CheckpointInfo info = info_of("run");
  info.network = {{"format", detail::kNetworkFormat}, {"model", "here"}};
  save_checkpoint(folder / "c", tiny.trainer().state(), info);
  const SafetensorsFile network = read_network_file(folder / "c");
  CHECK(network.metadata().at("format") == detail::kNetworkFormat);
  CHECK(network.metadata().at("model") == "here");
  CHECK(network.entries().size() == tiny.net.parameters().size());
  CHECK(network.tensor<float>("first.bias").shape() == Shape{8});
  SafetensorsWriter plain;
  plain.add("a", Tensor<float>(Shape{2}, 1.0F));
  plain.save(folder / "plain");
  CHECK(read_network_file(folder / "plain").has("a"));
}
