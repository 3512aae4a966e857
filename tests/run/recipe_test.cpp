#include "bitgrain/run/recipe.hpp"

#include <doctest/doctest.h>

#include "error_of.hpp"
#include "run/folder.hpp"

using namespace bitgrain;

namespace {
std::string text(const char* json) {
  std::string text;
  for (const auto& option : recipe_options(Json::parse(json), "train", "recipe 'r'"))
    text += "--" + option.name + "=" + option.value + " ";
  return text;
}
std::string objection(const char* json) {
  return error_of([&] { text(json); });
}
}  // namespace

TEST_CASE("a recipe becomes options in the order of the file; notes and the command are left out") {
  CHECK(text(R"({"command": "train", "about": {"anything": [1, null]}, "model": "resnet20", "epochs": 2, "lr": 0.05,
                 "augment": true, "per-channel": false, "bits": [2, 3, 4]})") ==
        "--model=resnet20 --epochs=2 --lr=0.05 --augment=true --per-channel=false --bits=2,3,4 ");
  CHECK(text("{}") == "");
}

TEST_CASE("a recipe for another command, or with values no option can have, is refused and the key named") {
  CHECK(objection(R"({"command": "search"})") ==
        "recipe 'r': this recipe is for 'bitgrain search', not for 'bitgrain train'");
  CHECK(contains(objection(R"({"command": 3})"), "'command': expected a string"));
  CHECK(contains(objection(R"({"epochs": null})"), "'epochs': expected a number"));
  CHECK(contains(objection(R"({"epochs": {}})"), "'epochs': expected a number"));
  CHECK(contains(objection(R"({"epochs": []})"), "'epochs': expected a number"));
  CHECK(contains(objection(R"({"epochs": [[1]]})"), "'epochs': a list holds"));
  CHECK(contains(objection("[]"), "a recipe is a JSON object"));
}

TEST_CASE("a recipe file is read and its errors name the file") {
  const TestFolder folder("recipe");
  write_file_atomically(folder / "r.json", R"({"seed": 18446744073709551615})");
  CHECK(read_recipe(folder / "r.json", "train").at(0).value == "18446744073709551615");
  write_file_atomically(folder / "r.json", R"({"seed": 1, "seed": 2})");
  CHECK(
      contains(error_of([&] { read_recipe(folder / "r.json", "train"); }), "r.json': the key 'seed' appears twice"));
}
