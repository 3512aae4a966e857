#pragma once

#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>

#include "bitgrain/train/train_state.hpp"

namespace bitgrain {

namespace detail {
inline volatile std::sig_atomic_t& interrupt_flag() {
  static volatile std::sig_atomic_t flag = 0;
  return flag;
}
}  // namespace detail

/// While one of these lives, the first Ctrl-C (SIGINT), SIGTERM or SIGHUP (the terminal went away) only raises a flag
/// and says so, so that a training can end in order; a second one ends the program as usual. Under nohup SIGHUP stays
/// ignored. (SIGINT does not, although shells start the background jobs of scripts so: who sends it there means it.)
/// One at a time.
class InterruptGuard {
 public:
  InterruptGuard() {
    detail::interrupt_flag() = 0;
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      sigaction(kSignals[i], nullptr, &old_[i]);
      if (kSignals[i] == SIGHUP && old_[i].sa_handler == SIG_IGN) continue;  // nohup
      struct sigaction raise {};
      raise.sa_handler = &raise_flag;
      raise.sa_flags = SA_RESTART;  // a write that is under way is finished
      sigaction(kSignals[i], &raise, nullptr);
    }
  }
  ~InterruptGuard() {
    for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &old_[i], nullptr);
  }
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  bool interrupted() const { return detail::interrupt_flag() != 0; }
  /// The signal that came first; 0: none did.
  int signal() const { return detail::interrupt_flag(); }

 private:
  static constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};

  // Runs inside the signal: only calls that are allowed there.
  static void raise_flag(int signal) {
    const int error = errno;
    detail::interrupt_flag() = signal;
    struct sigaction usual {};
    usual.sa_handler = SIG_DFL;
    for (const int each : kSignals) {
      struct sigaction now {};
      sigaction(each, nullptr, &now);
      if (now.sa_handler == &raise_flag) sigaction(each, &usual, nullptr);
    }
    constexpr std::string_view kText = "\nfinishing this step, then saving; once more ends at once\n";
    [[maybe_unused]] const auto written = write(STDERR_FILENO, kText.data(), kText.size());
    errno = error;
  }

  std::array<struct sigaction, kSignals.size()> old_{};
};

/// Ends a training behind the step, or the epoch, during which an interrupt came.
class InterruptHook final : public TrainHook {
 public:
  explicit InterruptHook(const InterruptGuard& guard) : guard_(guard) {}
  void on_train_begin(TrainState& state) override { look(state); }
  void on_step_end(TrainState& state) override { look(state); }
  void on_epoch_end(TrainState& state) override { look(state); }

 private:
  void look(TrainState& state) const {
    if (guard_.interrupted()) state.stop = true;
  }

  const InterruptGuard& guard_;
};

}  // namespace bitgrain
