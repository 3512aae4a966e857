#pragma once

#include <csignal>

#include "bitgrain/train/train_state.hpp"

namespace bitgrain {

namespace detail {
inline volatile std::sig_atomic_t& interrupt_flag() {
  static volatile std::sig_atomic_t flag = 0;
  return flag;
}
}  // namespace detail

/// While one of these lives, the first Ctrl-C (SIGINT) or SIGTERM only raises a flag, so that a training can end in
/// order; the second one ends the program as usual.
class InterruptGuard {
 public:
  InterruptGuard() {
    detail::interrupt_flag() = 0;
    old_interrupt_ = std::signal(SIGINT, &raise_flag);
    old_terminate_ = std::signal(SIGTERM, &raise_flag);
  }
  ~InterruptGuard() {
    std::signal(SIGINT, old_interrupt_);
    std::signal(SIGTERM, old_terminate_);
  }
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  bool interrupted() const { return detail::interrupt_flag() != 0; }

 private:
  static void raise_flag(int signal) {
    detail::interrupt_flag() = 1;
    std::signal(signal, SIG_DFL);
  }
  void (*old_interrupt_)(int);
  void (*old_terminate_)(int);
};

/// Ends a training behind the step during which an interrupt came.
class InterruptHook final : public TrainHook {
 public:
  explicit InterruptHook(const InterruptGuard& guard) : guard_(guard) {}
  void on_step_end(TrainState& state) override {
    if (guard_.interrupted()) state.stop = true;
  }

 private:
  const InterruptGuard& guard_;
};

}  // namespace bitgrain
