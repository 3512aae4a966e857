// A run must survive full disks, folders that go away and bad states with its last good checkpoint.
#include "bitgrain/run/checkpoint_hook.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <csignal>
#include <limits>

#include "error_of.hpp"
#include "run/folder.hpp"
#include "run/tiny_training.hpp"

using namespace bitgrain;

namespace {

// Calls `act` behind step `at`.
struct At final : TrainHook {
  At(std::int64_t step, std::function<void(TrainState&)> what) : at(step), act(std::move(what)) {}
  void on_step_end(TrainState& state) override {
    if (state.step == at) act(state);
  }
  std::int64_t at;
  std::function<void(TrainState&)> act;
};

// While it lives no file may grow beyond `bytes`: what a full disk looks like to a program.
class FileLimit {
 public:
  explicit FileLimit(rlim_t bytes) {
    old_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{bytes, old_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileLimit() {
    setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_{};
  void (*old_handler_)(int);
};

std::int64_t step_in(const std::string& path) {
  TinyTraining reader(3);
  load_checkpoint(path, reader.trainer().state(), "run");
  return reader.trainer().state().step;
}

}  // namespace

TEST_CASE("a checkpoint is taken every so many steps, at the end of epochs, and where a run is stopped") {
  const TestFolder folder("hook");
  std::vector<std::int64_t> saved;
  struct Watch final : TrainHook {
    std::function<void()> look;
    void on_step_end(TrainState&) override { look(); }
    void on_epoch_end(TrainState&) override { look(); }
  } watch;
  TinyTraining tiny(3);
  At stop(13, [](TrainState& state) { state.stop = true; });
  CheckpointHook hook(folder / "c", "run", {.seconds = 0, .steps = 3});
  watch.look = [&] {
    if (saved.empty() || saved.back() != hook.saved_step()) saved.push_back(hook.saved_step());
  };
  tiny.trainer().add_hook(stop);
  tiny.trainer().add_hook(hook);
  tiny.trainer().add_hook(watch);
  tiny.trainer().fit();
  CHECK(saved == std::vector<std::int64_t>{-1, 3, 5, 6, 9, 10, 12});
  CHECK(hook.saved_step() == 13);
  CHECK(step_in(folder / "c") == 13);
}

TEST_CASE("the clock asks for checkpoints too") {
  const TestFolder folder("hook");
  TinyTraining tiny(1);
  std::int64_t saved = -1;
  CheckpointHook hook(folder / "c", "run", {.seconds = 1e-9, .steps = 0});
  At look(2, [&](TrainState&) { saved = hook.saved_step(); });
  tiny.trainer().add_hook(hook);
  tiny.trainer().add_hook(look);
  tiny.trainer().fit();
  CHECK(saved == 2);
}

TEST_CASE("a disk that is full for a while costs no training: said, tried again, and saved in the end") {
  const TestFolder folder("hook");
  TinyTraining straight(2), tiny(2);
  straight.trainer().fit();
  std::vector<std::string> said;
  CheckpointHook hook(folder / "c", "run", {.seconds = 0, .steps = 1},
                      [&](const std::string& line) { said.push_back(line); });
  std::unique_ptr<FileLimit> full;
  std::string old_file;
  At begin(3, [&](TrainState&) {
    old_file = folder.text("c");
    full = std::make_unique<FileLimit>(1000);
  });
  At middle(7, [&](TrainState&) {
    CHECK(contains(hook.error(), "'" + (folder / "c") + "' cannot be written: File too large (after 1000 bytes)"));
    CHECK(hook.saved_step() == 3);
    CHECK(folder.text("c") == old_file);  // the last good one stands
    full.reset();
  });
  tiny.trainer().add_hook(hook);
  tiny.trainer().add_hook(begin);
  tiny.trainer().add_hook(middle);
  tiny.trainer().fit();
  REQUIRE(said.size() == 2);
  CHECK(contains(said[0], "the checkpoint was not saved: file '"));
  CHECK(contains(said[0], "File too large"));
  CHECK(contains(said[0], "tried again after 1 steps"));
  CHECK(contains(said[1], "the checkpoint is saved again, after "));
  CHECK(hook.error().empty());
  CHECK(hook.saved_step() == 10);
  CHECK(tiny.net.parameters()[0].var.value().values()[0] == straight.net.parameters()[0].var.value().values()[0]);
}

TEST_CASE("a folder that goes away, or may not be written, is an error that the run survives") {
  const TestFolder folder("hook");
  const std::string inner = folder / "run";
  namespace fs = std::filesystem;
  const auto last_error = [&](const std::function<void()>& before_the_end) {
    fs::create_directory(inner);
    TinyTraining tiny(1);
    CheckpointHook hook(inner + "/c", "run", {.seconds = 0, .steps = 1});
    At act(3, [&](TrainState&) { before_the_end(); });
    tiny.trainer().add_hook(hook);
    tiny.trainer().add_hook(act);
    tiny.trainer().fit();
    CHECK(tiny.trainer().state().finished());
    return hook.error();
  };
  CHECK(last_error([] {}).empty());
  CHECK(contains(last_error([&] { fs::remove_all(inner); }), "its folder does not exist"));
  if (geteuid() != 0) {  // root may write everywhere
    CHECK(contains(last_error([&] { fs::permissions(inner, fs::perms::owner_read | fs::perms::owner_exec); }),
                   "Permission denied"));
    fs::permissions(inner, fs::perms::owner_all);
  }
}

TEST_CASE("a state with values that are no numbers ends the run and never replaces a good checkpoint") {
  const TestFolder folder("hook");
  TinyTraining tiny(2);
  CheckpointHook hook(folder / "c", "run", {.seconds = 0, .steps = 2});
  At spoil(4, [](TrainState& state) {
    state.optimizer.state()[0].tensor.mutable_data()[1] = std::numeric_limits<float>::infinity();
  });
  tiny.trainer().add_hook(spoil);
  tiny.trainer().add_hook(hook);
  const std::string message = error_of([&] { tiny.trainer().fit(); });
  CHECK(contains(message, "at step 4 (epoch 1) 'optimizer.first.weight.momentum' holds values that are infinite"));
  CHECK(step_in(folder / "c") == 2);
}

TEST_CASE("a resumed hook keeps the best accuracy, and does not save again what it has just read") {
  const TestFolder folder("hook");
  TinyTraining first(3), second(3);
  first.options.validation = &first.data;
  At stop(13, [](TrainState& state) { state.stop = true; });
  CheckpointHook save(folder / "c", "run");
  first.trainer().add_hook(stop);
  first.trainer().add_hook(save);
  first.trainer().fit();
  CHECK(save.saved_step() == 13);
  CHECK(save.best_accuracy() > 0);

  CheckpointHook go_on(folder / "c", "run");
  go_on.resume(second.trainer().state());
  CHECK(go_on.saved_step() == 13);
  CHECK(go_on.best_accuracy() == save.best_accuracy());
  const auto written = std::filesystem::last_write_time(folder / "c");
  second.trainer().state().stop = true;
  second.trainer().add_hook(go_on);
  second.trainer().fit();
  CHECK(std::filesystem::last_write_time(folder / "c") == written);
}
