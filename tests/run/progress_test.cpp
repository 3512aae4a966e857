#include "bitgrain/run/progress.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "error_of.hpp"
#include "run/captured_output.hpp"
#include "run/tiny_training.hpp"

using namespace bitgrain;

TEST_CASE("a log gets one line per epoch of a quick training, with what a person wants to know") {
  CapturedOutput out;
  Console console(out.file());
  ProgressHook progress(console, "fine-tune");
  TinyTraining tiny(3);
  tiny.options.validation = &tiny.data;
  tiny.trainer().add_hook(progress);
  tiny.trainer().fit();
  const std::string text = out.text();
  CHECK(std::count(text.begin(), text.end(), '\n') == 3);
  CHECK(text.starts_with("fine-tune  epoch 1/3  loss "));
  CHECK(contains(text, "\nfine-tune  epoch 3/3  loss "));
  CHECK(contains(text, " %  test "));
  CHECK(contains(text, " % (integer engine)  "));
  CHECK(contains(text, " images/s"));
  CHECK(contains(text.substr(0, text.find('\n')), "ETA 0:00"));
  CHECK_FALSE(contains(text.substr(text.rfind("epoch 3/3")), "ETA"));
  CHECK_FALSE(contains(text, "\x1b"));
}

TEST_CASE("a terminal keeps one line per epoch too, and the rewriting line is gone at the end") {
  CapturedOutput out;
  Console console(out.file(), true);
  ProgressHook progress(console);
  TinyTraining tiny(2);
  tiny.trainer().add_hook(progress);
  tiny.trainer().fit();
  const std::string text = out.text();
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
  CHECK(text.ends_with("\n"));
}

TEST_CASE("a training that is stopped says how far the epoch was") {
  struct Stop final : TrainHook {
    void on_step_end(TrainState& state) override { state.stop = state.step == 7; }
  } stop;
  CapturedOutput out;
  Console console(out.file());
  ProgressHook progress(console);
  TinyTraining tiny(12);
  tiny.trainer().add_hook(stop);
  tiny.trainer().add_hook(progress);
  tiny.trainer().fit();
  CHECK(contains(out.text(), "epoch  2/12 40 %  loss "));
}
