#include "bitgrain/run/checkpoint.hpp"

#include <doctest/doctest.h>

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
}  // namespace

TEST_CASE("a run that is stopped in the middle of an epoch and resumed ends with the same weights, bit for bit") {
  const TestFolder folder("checkpoint");
  TinyTraining straight(5);
  straight.trainer().fit();

  TinyTraining first(5);
  first.options.validation = &first.data;
  StopAt stop(13);  // 5 steps per epoch: in the third
  CheckpointHook save(folder / "c.safetensors", "run");
  first.trainer().add_hook(stop);
  first.trainer().add_hook(save);
  first.trainer().fit();
  CHECK(save.saved_epochs() == 2);
  CHECK(weights(first.net) != weights(straight.net));

  TinyTraining second(5);
  CheckpointHook go_on(folder / "c.safetensors", "run");
  go_on.resume(second.trainer().state());
  CHECK(go_on.saved_epochs() == 2);
  CHECK(go_on.best_accuracy() == save.best_accuracy());
  CHECK(go_on.best_accuracy() > 0);
  CHECK(second.trainer().state().epoch == 2);
  CHECK(second.trainer().state().step == 10);
  second.trainer().fit();
  CHECK(second.trainer().state().step == 25);
  CHECK(weights(second.net) == weights(straight.net));
}

TEST_CASE("the positions of random streams come back") {
  class Drawing final : public Module<float> {
   public:
    Drawing() {
      register_parameter("w", w_);
      register_stream("noise", stream_);
    }
    Var<float> forward(const Var<float>& x) override { return x; }
    Var<float> w_{Tensor<float>(Shape{1}, 0.5F), true};
    RandomStream stream_{1, "noise"};
  };
  const TestFolder folder("checkpoint");
  TinyTraining tiny(1);
  Drawing a, b;
  Sgd<float> optimizer_a(a.parameters()), optimizer_b(b.parameters());
  TrainState from{a, optimizer_a, tiny.loader}, to{b, optimizer_b, tiny.loader};
  a.stream_.set_position(123456789012345);
  save_checkpoint(folder / "c", from, 0, "run");
  load_checkpoint(folder / "c", to, "run");
  CHECK(b.stream_.position() == 123456789012345);
}

TEST_CASE("a checkpoint of another run, or damaged, changes nothing") {
  const TestFolder folder("checkpoint");
  TinyTraining tiny(2);
  CheckpointHook save(folder / "c", "lr 0.05");
  tiny.trainer().add_hook(save);
  tiny.trainer().fit();

  const auto objection = [](const std::string& path, int epochs, const char* run) {
    TinyTraining other(epochs);
    const auto before = weights(other.net);
    const std::string message = error_of([&] { load_checkpoint(path, other.trainer().state(), run); });
    CHECK(weights(other.net) == before);
    CHECK(other.trainer().state().epoch == 0);
    return message;
  };
  CHECK(contains(objection(folder / "c", 2, "lr 0.1"), "belongs to another run: lr 0.05"));
  CHECK(contains(objection(folder / "c", 1, "lr 0.05"), "2 of 1 epochs cannot be done"));
  const std::string bytes = folder.text("c");
  write_file_atomically(folder / "cut", bytes.substr(0, bytes.size() - 10));
  CHECK(contains(objection(folder / "cut", 2, "lr 0.05"), "the tensors have"));
  SafetensorsWriter foreign;
  foreign.save(folder / "foreign");
  CHECK(contains(objection(folder / "foreign", 2, "lr 0.05"), "this is not a checkpoint"));
}
