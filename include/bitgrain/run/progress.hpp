#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "bitgrain/run/console.hpp"
#include "bitgrain/run/table.hpp"
#include "bitgrain/train/train_state.hpp"

namespace bitgrain {

/// Says how a training goes: one rewriting line on a terminal, at most three lines per epoch otherwise, and one line
/// at the end of every epoch:
///
///     epoch  3/10  loss 0.1234  accuracy 96.12 %  test 97.85 % (integer engine)  1234 images/s  ETA 0:42
class ProgressHook final : public TrainHook {
 public:
  /// `label` is put before every line ("fine-tune"); may be empty.
  explicit ProgressHook(Console& console, const std::string& label = {}) : console_(console) { set_label(label); }

  /// Another label for the next trainings.
  void set_label(const std::string& label) { label_ = label.empty() ? "" : label + "  "; }

  void on_train_begin(TrainState& state) override {
    start_ = last_shown_ = Clock::now();
    first_step_ = state.step;
  }
  void on_step_end(TrainState& state) override {
    const auto now = Clock::now();
    if (console_.is_terminal()) {
      if (now - last_shown_ < std::chrono::milliseconds(100)) return;
      console_.status(text(state, now));
    } else {
      // Quarters of an epoch, and no more than a line in 10 seconds.
      const std::int64_t done = state.step_in_epoch(), all = state.steps_per_epoch;
      if (done == all || 4 * done / all == 4 * (done - 1) / all || now - last_shown_ < std::chrono::seconds(10))
        return;
      console_.line(text(state, now));
    }
    last_shown_ = now;
  }
  void on_epoch_end(TrainState& state) override {
    const auto now = Clock::now();
    console_.line(text(state, now));
    last_shown_ = now;
  }
  void on_train_end(TrainState& state) override {
    if (state.step_in_epoch() > 0) console_.line(text(state, Clock::now()));  // stopped in the middle
    console_.clear();
  }

 private:
  using Clock = std::chrono::steady_clock;

  std::string text(const TrainState& state, Clock::time_point now) const {
    const std::string epochs = std::to_string(state.epochs), epoch = std::to_string(state.epoch + 1);
    std::string text = label_ + "epoch " + std::string(epochs.size() - epoch.size(), ' ') + epoch + "/" + epochs;
    const std::int64_t done = state.step_in_epoch();
    if (done < state.steps_per_epoch) text += " " + percent_text(share(done, state.steps_per_epoch), 0);
    text += "  loss " + fixed_text(state.loss, 4) + "  accuracy " + percent_text(state.accuracy);
    if (state.evaluation)
      text += "  test " + percent_text(state.evaluation->accuracy()) + " (" + state.evaluation->arithmetic + ")";
    text += "  " + fixed_text(state.images_per_second, 0) + " images/s";
    // The time so far includes evaluations, so the estimate does.
    const double elapsed = std::chrono::duration<double>(now - start_).count();
    const std::int64_t left = state.total_steps() - state.step;
    if (left > 0 && state.step > first_step_)
      text += "  ETA " + duration_text(elapsed * share(left, state.step - first_step_));
    return text;
  }
  static double share(std::int64_t part, std::int64_t whole) {
    return static_cast<double>(part) / static_cast<double>(whole);
  }

  Console& console_;
  std::string label_;
  Clock::time_point start_{}, last_shown_{};
  std::int64_t first_step_ = 0;
};

}  // namespace bitgrain
