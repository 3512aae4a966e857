// The first signal must let a run end in order, the second must end it at once.
#include "bitgrain/run/interrupt.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include "run/tiny_training.hpp"

using namespace bitgrain;

namespace {
void handler_of_somebody_else(int) {}
}  // namespace

TEST_CASE("an interrupt ends the training behind its step, and the old handler comes back") {
  struct Press final : TrainHook {
    void on_step_begin(TrainState& state) override {
      if (state.step == 3) std::raise(SIGTERM);
    }
  } press;
  const auto before = std::signal(SIGTERM, &handler_of_somebody_else);
  {
    const InterruptGuard guard;
    CHECK_FALSE(guard.interrupted());
    CHECK(guard.signal() == 0);
    InterruptHook hook(guard);
    TinyTraining tiny(10);
    tiny.trainer().add_hook(press);
    tiny.trainer().add_hook(hook);
    tiny.trainer().fit();
    CHECK(guard.interrupted());
    CHECK(guard.signal() == SIGTERM);
    CHECK(tiny.trainer().state().step == 4);
    CHECK(tiny.trainer().state().stop);

    TinyTraining next(10);  // another training of the same program does not begin
    next.trainer().add_hook(hook);
    next.trainer().fit();
    CHECK(next.trainer().state().step == 0);
  }
  const bool restored = std::signal(SIGTERM, before) == &handler_of_somebody_else;
  CHECK(restored);
  const InterruptGuard again;
  CHECK_FALSE(again.interrupted());
}

TEST_CASE("the second signal ends the program, whichever of the signals it is") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const InterruptGuard guard;
    std::raise(SIGINT);
    std::raise(SIGTERM);
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGTERM);
}

TEST_CASE("a hang-up that nohup ignores stays ignored") {
  const auto before = std::signal(SIGHUP, SIG_IGN);
  const InterruptGuard guard;
  std::raise(SIGHUP);
  CHECK_FALSE(guard.interrupted());
  std::signal(SIGHUP, before);
}
