#include "bitgrain/run/profile_hook.hpp"

#include <doctest/doctest.h>

#include <thread>

#include "error_of.hpp"
#include "run/tiny_training.hpp"

using namespace bitgrain;

TEST_CASE("the profile of a training covers its steps and names ops of both directions and the trainer's own work") {
  TinyTraining tiny(3);  // 15 steps
  ProfileHook profile;
  tiny.trainer().add_hook(profile);
  tiny.trainer().fit();
  CHECK(profile.coverage() > 0.95);
  CHECK(profile.coverage() <= 1.0);
  const std::string text = profile.text();
  for (const char* part :
       {"forward", "backward", "linear", "cross_entropy", "optimizer", "batch", "13 steps", "share"})
    CHECK_MESSAGE(contains(text, part), text);
}

TEST_CASE("what lies between steps is not profiled, and a short training says why there is no profile") {
  TinyTraining tiny(1);
  ProfileHook profile;
  struct Sleep final : TrainHook {
    void on_epoch_end(TrainState&) override { std::this_thread::sleep_for(std::chrono::milliseconds(50)); }
  } sleep;
  tiny.trainer().add_hook(profile);
  tiny.trainer().add_hook(sleep);
  tiny.trainer().fit();
  CHECK(profile.coverage() <= 1.0);
  const ProfileHook unused;
  CHECK(contains(unused.text(), "more than 2 steps"));
}
