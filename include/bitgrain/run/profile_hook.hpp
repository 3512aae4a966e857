#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bitgrain/autograd/profile.hpp"
#include "bitgrain/run/table.hpp"
#include "bitgrain/train/train_state.hpp"

namespace bitgrain {

/// Profiles the steps of a training; the first two, in which memory settles, are left out.
class ProfileHook final : public TrainHook {
 public:
  void on_train_begin(TrainState&) override { steps_seen_ = 0; }
  void on_step_begin(TrainState&) override {
    if (steps_seen_ == kWarmup) profile_.emplace();
    if (profile_) profile_->skip();
    start_ = Clock::now();
  }
  void on_step_end(TrainState&) override {
    if (steps_seen_++ < kWarmup) return;
    seconds_ += std::chrono::duration<double>(Clock::now() - start_).count();
    ++steps_;
  }
  void on_train_end(TrainState&) override {
    if (profile_) entries_ = profile_->entries();
    profile_.reset();
  }

  /// After the training: milliseconds per step and share by op, and how much of the steps' time the rows cover.
  std::string text() const {
    if (steps_ == 0) return "the profile needs a training of more than 2 steps\n";
    Table table({{"phase", Align::kLeft}, {"op", Align::kLeft}, {"calls/step"}, {"ms/step"}, {"share"}});
    double booked = 0;
    const auto steps = static_cast<double>(steps_);
    const auto row = [&](const std::string& phase, const std::string& what, const std::string& calls,
                         double seconds) {
      table.add({phase, what, calls, fixed_text(1e3 * seconds / steps, 3), percent_text(seconds / seconds_, 1)});
    };
    for (const ProfileEntry& entry : entries_) {
      row(entry.phase, entry.what, fixed_text(static_cast<double>(entry.calls) / steps, 1), entry.seconds);
      booked += entry.seconds;
    }
    table.add_rule();
    row("all", std::to_string(steps_) + " steps", "", booked);
    return table.text();
  }
  /// Share of the steps' time that is booked on some op.
  double coverage() const {
    double booked = 0;
    for (const ProfileEntry& entry : entries_) booked += entry.seconds;
    return seconds_ > 0 ? booked / seconds_ : 0;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::int64_t kWarmup = 2;

  std::optional<Profile> profile_;
  std::vector<ProfileEntry> entries_;
  Clock::time_point start_;
  double seconds_ = 0;
  std::int64_t steps_seen_ = 0, steps_ = 0;
};

}  // namespace bitgrain
