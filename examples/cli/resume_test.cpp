// Runs of the bitgrain program that are interrupted, killed, or cannot save: whatever happens, going on with them
// ends with the weights of a run that nothing happened to, bit for bit.

#include <doctest/doctest.h>
#include <sys/inotify.h>
#include <sys/resource.h>

#include <chrono>
#include <random>
#include <thread>

#include "bitgrain/run/json_file.hpp"
#include "program.hpp"

using namespace bitgrain;

namespace {

using namespace std::chrono_literals;

// 30 steps of 20 images in 3 epochs: a second or two.
const std::string kRun =
    "train --model lenet5 --method lsq --wbits 3 --abits 4 --lr 0.02 --train-images 200 --test-images 10 --batch 20 "
    "--epochs 3";

// What the run ends with when nothing happens to it.
struct Undisturbed {
  std::string weights, packed;
};
const Undisturbed& undisturbed() {
  static const Undisturbed result = [] {
    const TestFolder folder("straight");
    expect(Program(folder), kRun + " --out run", 0);
    return Undisturbed{folder.text("run/model.safetensors"), folder.text("run/model.bgm")};
  }();
  return result;
}

// Files that AtomicFile has not put in their place yet.
int unfinished_files(const TestFolder& folder, const std::string& run) {
  int count = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder / run, ignored))
    count += entry.path().extension() == ".part";
  return count;
}

bool ended(pid_t process) {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(process), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == process;
}

// Comes back as soon as a checkpoint in `run` is begun, or the process has ended.
void wait_for_save(const std::string& run, pid_t process) {
  const int events = inotify_init1(IN_NONBLOCK);
  REQUIRE(events >= 0);
  bool begun = false;
  int watch = -1;
  while (!begun && !ended(process)) {
    if (watch < 0) watch = inotify_add_watch(events, run.c_str(), IN_CREATE);
    alignas(inotify_event) char buffer[4096];
    const ssize_t size = read(events, buffer, sizeof buffer);
    for (ssize_t at = 0; at < size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
      const std::string name = event->len > 0 ? event->name : "";
      begun = begun || (name.starts_with("checkpoint") && name.ends_with(".part"));
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
  }
  close(events);
}

// Waits until `happened`, but not for ever.
template <class Condition>
bool wait_for(Condition&& happened) {
  const auto give_up = std::chrono::steady_clock::now() + 60s;
  while (!happened()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(100us);
  }
  return true;
}

}  // namespace

TEST_CASE("a run can be repeated from its config, with any number of threads") {
  const TestFolder folder("resume");
  const Program bitgrain(folder);
  expect(bitgrain, kRun + " --out one --threads 1", 0);
  expect(bitgrain, "train --config one/config.json --out two --threads 3", 0);
  for (const char* run : {"one", "two"}) {
    CHECK((folder.text(run + std::string("/model.safetensors")) == undisturbed().weights));
    CHECK((folder.text(run + std::string("/model.bgm")) == undisturbed().packed));
  }
}

TEST_CASE("an interrupted run says how to go on, and does") {
  const TestFolder folder("resume");
  const Program bitgrain(folder);
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::string run = signal == SIGINT ? "int" : "term";
    const pid_t process = bitgrain.start(kRun + " --checkpoint-steps 1 --out " + run);
    REQUIRE(wait_for([&] { return folder.has(run + "/checkpoint.safetensors"); }));
    kill(process, signal);
    const Result stopped = bitgrain.wait(process);
    INFO(stopped.out, stopped.err);
    if (stopped.code != 0) {  // else the signal came too late
      CHECK(stopped.code == 128 + signal);
      CHECK(contains(stopped.err, "finishing this step, then saving"));
      CHECK(
          contains(stopped.out, std::string(BITGRAIN_PROGRAM) + " train --resume " + run + " --checkpoint-steps 1"));
      // Before it goes on, it can be used as it is.
      CHECK(contains(expect(bitgrain, "eval " + run + " --test-images 10", 0).out, "accuracy"));
      CHECK(contains(expect(bitgrain, "train --resume " + run + " --lr 1", 2).err, "--lr cannot be changed"));
      CHECK(contains(expect(bitgrain, "train --threads 1 --resume " + run, 0).out, "going on behind step"));
    }
    CHECK((folder.text(run + "/model.safetensors") == undisturbed().weights));
    CHECK_FALSE(folder.has(run + "/checkpoint.safetensors"));
    CHECK(contains(expect(bitgrain, "train --resume " + run, 1).err, "is finished"));
  }
}

TEST_CASE("a run whose recipe was changed behind its back is refused, naming the difference") {
  const TestFolder folder("resume");
  const Program bitgrain(folder);
  const pid_t process = bitgrain.start(kRun + " --checkpoint-steps 1 --out run");
  REQUIRE(wait_for([&] { return folder.has("run/checkpoint.safetensors"); }));
  kill(process, SIGKILL);
  bitgrain.wait(process);
  Json config = read_json_file(folder / "run/config.json");
  config["lr"] = 0.5;
  write_json_file(folder / "run/config.json", config);
  CHECK(contains(expect(bitgrain, "train --resume run", 1).err,
                 "belongs to another run: 'lr' is 0.02 there and 0.5 here"));
}

TEST_CASE("a run killed at 20 random moments, also in the middle of saves, ends with the same weights") {
  const TestFolder folder("resume");
  const Program bitgrain(folder);
  std::mt19937 random(12345);
  std::string run, words;
  int runs = 0, kills = 0, during_a_save = 0;
  bool finished = true;
  // Whether a kill meets a save is up to the scheduler: go on until three did, 200 kills at most.
  const auto kill_again = [&] { return kills < 20 || (during_a_save < 3 && kills < 200); };
  while (kill_again() || !finished) {
    if (finished) {  // the machine was faster than the kills: another run
      run = "run" + std::to_string(runs++);
      words = kRun + " --out " + run;
    }
    // A step, a checkpoint, a step: about half of the time is spent in saving.
    const pid_t process = bitgrain.start(words + " --checkpoint-steps 1 --threads " + std::to_string(1 + kills % 2));
    if (kill_again()) {
      if (kills % 2 == 1 || kills >= 20)
        wait_for_save(folder / run, process);
      else
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 250));
      kill(process, SIGKILL);
      ++kills;
    }
    const Result result = bitgrain.wait(process);
    during_a_save += unfinished_files(folder, run) > 0;
    finished = result.code == 0;
    INFO(result.out, result.err);
    if (finished) {
      CHECK((folder.text(run + "/model.safetensors") == undisturbed().weights));
      CHECK((folder.text(run + "/model.bgm") == undisturbed().packed));
      CHECK(unfinished_files(folder, run) == 0);
    } else {
      REQUIRE(result.code == -1);
    }
    if (folder.has(run + "/config.json")) words = "train --resume " + run;
  }
  CHECK(during_a_save >= 3);
}

TEST_CASE("a full disk ends no training; when there is room again, it is saved and ends as if nothing had been") {
  const TestFolder folder("resume");
  const Program bitgrain(folder);
  // A limit on the size of files is what a program sees of a full disk. Processes inherit it.
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  const rlimit small{100000, old.rlim_max};
  const auto start_limited = [&](const std::string& words) {
    setrlimit(RLIMIT_FSIZE, &small);
    const pid_t process = bitgrain.start(words);
    setrlimit(RLIMIT_FSIZE, &old);
    return process;
  };

  const Result full = bitgrain.wait(start_limited(kRun + " --checkpoint-steps 1 --out full"));
  INFO(full.out, full.err);
  CHECK(full.code == 1);
  CHECK(contains(full.err, "the checkpoint was not saved: file '"));
  CHECK(contains(full.err, "full/checkpoint.safetensors' cannot be written: File too large (after "));
  CHECK(contains(full.err, "epoch 3/3"));  // it went on to the end
  CHECK(contains(full.err, "the training is done, but its results could not be saved"));
  CHECK(contains(full.err, "train --resume full --checkpoint-steps 1"));
  CHECK(unfinished_files(folder, "full") == 0);
  expect(bitgrain, "train --resume full", 0);
  CHECK((folder.text("full/model.safetensors") == undisturbed().weights));

  const pid_t process = start_limited(kRun + " --checkpoint-steps 1 --out later");
  REQUIRE(wait_for([&] { return contains(folder.text("err.txt"), "was not saved"); }));
  prlimit(process, RLIMIT_FSIZE, &old, nullptr);
  const Result later = bitgrain.wait(process);
  INFO(later.out, later.err);
  CHECK(later.code == 0);
  CHECK(contains(later.err, "the checkpoint is saved again, after "));
  CHECK((folder.text("later/model.safetensors") == undisturbed().weights));
}

TEST_CASE("a run that diverges stops, says where, and keeps its last good checkpoint") {
  const TestFolder folder("resume");
  const Program bitgrain(folder);
  const Result result =
      expect(bitgrain,
             "train --model lenet5 --lr 1000 --schedule constant --train-images 200 --test-images 10 "
             "--batch 20 --epochs 3 --checkpoint-steps 2 --out run",
             1);
  INFO(result.err);
  CHECK(contains(result.err, " at step "));
  CHECK(contains(result.err, "layer '"));
  CHECK(contains(result.err, "stays in run/checkpoint.safetensors"));
  const Result restart =
      expect(bitgrain,
             "train --model lenet5 --init run/checkpoint.safetensors --train-images 200 --test-images "
             "10 --batch 20 --epochs 1 --lr 0 --out again",
             0);
  CHECK(contains(restart.out, "starting from run/checkpoint.safetensors"));
}
