#include "bitgrain/run/interrupt.hpp"

#include <doctest/doctest.h>

#include "run/tiny_training.hpp"

using namespace bitgrain;

TEST_CASE("an interrupt ends the training behind its step, and the old handler comes back") {
  struct Press final : TrainHook {
    void on_step_begin(TrainState& state) override {
      if (state.step == 3) std::raise(SIGINT);
    }
  } press;
  const auto before = std::signal(SIGINT, SIG_IGN);
  {
    const InterruptGuard guard;
    CHECK_FALSE(guard.interrupted());
    InterruptHook hook(guard);
    TinyTraining tiny(10);
    tiny.trainer().add_hook(press);
    tiny.trainer().add_hook(hook);
    tiny.trainer().fit();
    CHECK(guard.interrupted());
    CHECK(tiny.trainer().state().step == 4);
    CHECK(tiny.trainer().state().stop);
  }
  const bool restored = std::signal(SIGINT, before) == SIG_IGN;
  CHECK(restored);
  const InterruptGuard again;
  CHECK_FALSE(again.interrupted());
}
