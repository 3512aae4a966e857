#pragma once

/// Saving a training while it goes on.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "bitgrain/run/checkpoint.hpp"
#include "bitgrain/run/tolerant_save.hpp"

namespace bitgrain {

/// When checkpoints are taken inside an epoch. They are always taken at its end, and when a run is stopped.
struct CheckpointOptions {
  double seconds = 60;     ///< since the last one; 0: not by the clock
  std::int64_t steps = 0;  ///< of the run between two; 0: not by the count
};

/// Saves checkpoints to one file, of which the last good one always stands. A save that fails is said and tried
/// again; a state with values that are no numbers is never saved: it ends the run with an Error.
///
/// Add it behind the hooks that may set `stop`, and behind those that write records of an epoch: what a checkpoint
/// calls done must be written.
class CheckpointHook final : public TrainHook {
 public:
  /// `run` identifies the run: a checkpoint is only loaded into the same one.
  CheckpointHook(std::string path, std::string run, const CheckpointOptions& options = {}, SayLine say = {})
      : path_(std::move(path)), options_(options), say_(std::move(say)), save_("the checkpoint", say_) {
    info_.run = std::move(run);
  }

  /// Lets checkpoints be read as networks too: to_metadata(NetworkSpec).
  void describe_network(std::map<std::string, std::string> metadata) { info_.network = std::move(metadata); }

  /// Goes on with the file at its path; see load_checkpoint.
  void resume(TrainState& state) {
    const CheckpointInfo found = load_checkpoint(path_, state, info_.run);
    info_.best_accuracy = found.best_accuracy;
    saved_step_ = state.step;
    saved_epoch_ = state.epoch;
    const std::string these = kernels::kernels_in_use();
    if (say_ && found.kernels != these)
      say_("note: the checkpoint was written with kernels for " + found.kernels + ", these are for " + these +
           ": the weights will not be the same to the last bit");
  }

  void on_train_begin(TrainState&) override { last_try_ = Clock::now(); }
  void on_step_end(TrainState& state) override {
    const bool by_steps = options_.steps > 0 && state.step % options_.steps == 0;
    const bool by_clock =
        options_.seconds > 0 && Clock::now() - last_try_ >= std::chrono::duration<double>(options_.seconds);
    // The last step of an epoch is saved after its evaluation.
    if (state.step_in_epoch() < state.steps_per_epoch && (by_steps || by_clock)) save(state);
  }
  void on_epoch_end(TrainState& state) override {
    if (state.evaluation) info_.best_accuracy = std::max(info_.best_accuracy, state.evaluation->accuracy());
    ++state.epoch;  // complete: the position is the beginning of the next
    save(state);
    --state.epoch;
  }
  void on_train_end(TrainState& state) override {
    if (state.step != saved_step_ || state.epoch != saved_epoch_) save(state);
  }

  const std::string& path() const { return path_; }
  /// Steps that the file on disk holds; -1: nothing was saved.
  std::int64_t saved_step() const { return saved_step_; }
  /// Why the last save failed; empty: it did not.
  const std::string& error() const { return save_.error(); }
  /// Of all evaluations of the run; 0: there was none.
  double best_accuracy() const { return info_.best_accuracy; }

 private:
  using Clock = std::chrono::steady_clock;

  void save(TrainState& state) {
    const std::string bad = first_bad_tensor(state);
    BITGRAIN_CHECK(bad.empty(), "at step ", state.step, " (epoch ", state.step / state.steps_per_epoch + 1, ") '",
                   bad, "' holds values that are infinite or no numbers; lower the learning rate, or clip gradients");
    const bool within = state.step_in_epoch() > 0;
    const std::string next = options_.steps > 0     ? "after " + std::to_string(options_.steps) + " steps"
                             : options_.seconds > 0 ? "within " + std::to_string(std::lround(options_.seconds)) + " s"
                             : within               ? "at the end of the epoch"
                                                    : "at the end of the next epoch";
    if (save_.attempt(next, [&] { save_checkpoint(path_, state, info_); })) {
      saved_step_ = state.step;
      saved_epoch_ = state.epoch;
    }
    last_try_ = Clock::now();
  }

  std::string path_;
  CheckpointOptions options_;
  CheckpointInfo info_;
  SayLine say_;
  TolerantSave save_;
  std::int64_t saved_step_ = -1;
  int saved_epoch_ = -1;
  Clock::time_point last_try_{};
};

}  // namespace bitgrain
