#include "bitgrain/run/run_folder.hpp"

#include <doctest/doctest.h>

#include "bitgrain/run/recipe.hpp"
#include "error_of.hpp"
#include "run/folder.hpp"

using namespace bitgrain;

TEST_CASE("an earlier run is never overwritten without force, and force removes only a run's files") {
  const TestFolder folder("run_folder");
  const std::string path = folder / "runs/a";
  RunFolder::create(path).write_summary({{"accuracy", 1}});
  write_file_atomically(path + "/notes.txt", "mine");
  CHECK(contains(error_of([&] { RunFolder::create(path); }), "runs/a' exists and is not empty; choose another"));
  CHECK(folder.has("runs/a/summary.json"));
  RunFolder::create(path, true);
  CHECK_FALSE(folder.has("runs/a/summary.json"));
  CHECK(folder.text("runs/a/notes.txt") == "mine");
  std::filesystem::create_directories(folder / "empty");
  CHECK(error_of([&] { RunFolder::create(folder / "empty"); }) == "");
}

TEST_CASE("a fresh run takes the first free name") {
  const TestFolder folder("run_folder");
  CHECK(RunFolder::fresh(folder / "runs", "train").path() == folder / "runs/train");
  CHECK(RunFolder::fresh(folder / "runs", "train").path() == folder / "runs/train-2");
  CHECK(RunFolder::fresh(folder / "runs", "train").path() == folder / "runs/train-3");
}

TEST_CASE("what cannot be a run folder is refused") {
  const TestFolder folder("run_folder");
  write_file_atomically(folder / "file", "x");
  CHECK(contains(error_of([&] { RunFolder::create(folder / "file"); }), "exists and is no folder"));
  CHECK(contains(error_of([&] { RunFolder::create(folder / "file/below"); }), "cannot be made"));
  CHECK(contains(error_of([&] { RunFolder::fresh(folder / "file", "x"); }), "cannot be made"));
  CHECK(contains(error_of([&] { RunFolder::create(""); }), "needs a name"));
  CHECK(contains(error_of([&] { RunFolder::open(folder.path().string()); }), "has no config.json"));
}

TEST_CASE("the config of a run is a recipe that repeats it, and says what ran") {
  const TestFolder folder("run_folder");
  const RunFolder run = RunFolder::create(folder / "a");
  run.write_config("train", {{"model", "lenet5"}, {"seed", 7}, {"lr", 0.1}});
  const auto options = read_recipe(run / "config.json", "train");
  REQUIRE(options.size() == 3);
  CHECK(options[1].name == "seed");
  CHECK(options[1].value == "7");
  CHECK(options[2].value == "0.1");
  const Json config = read_json_file(run / "config.json");
  CHECK(config["about"]["bitgrain"] == kVersion);
  CHECK(RunFolder::open(folder / "a").has("config.json"));
  run.remove("config.json");
  run.remove("config.json");
  CHECK_FALSE(run.has("config.json"));
}
