#pragma once

/// Recipes: the options of a command in a JSON file, `--config FILE`.
///
///     {"command": "train", "about": "anything", "model": "resnet20", "epochs": 2, "augment": true}
///
/// Keys are option names without the dashes. "command", if given, must be the command that reads the recipe; "about"
/// is for people and may hold anything. The config.json of a run folder is a recipe: it repeats the run.

#include <string>
#include <utility>
#include <vector>

#include "bitgrain/run/json_file.hpp"

namespace bitgrain {

/// One option of a recipe, as the command line would have it.
struct RecipeOption {
  std::string name;   ///< without dashes: "epochs"
  std::string value;  ///< "2", "0.05", "true", "resnet20"; lists of values are joined by commas
};

namespace detail {
inline std::string recipe_value(const Json& value, const std::string& where) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_number()) return value.dump();
  BITGRAIN_CHECK(value.is_array() && !value.empty(), where,
                 ": expected a number, a text, true, false or a list of these");
  std::string joined;
  for (const Json& item : value) {
    BITGRAIN_CHECK(!item.is_structured() && !item.is_null(), where, ": a list holds numbers or texts");
    joined += (joined.empty() ? "" : ",") + recipe_value(item, where);
  }
  return joined;
}
}  // namespace detail

/// The options of a recipe for `command`, in the order of the file. Throws Error, beginning with `where`, if it is
/// meant for another command or a value cannot stand on a command line. Whether the command has such options is the
/// caller's to check.
inline std::vector<RecipeOption> recipe_options(const Json& json, const std::string& command,
                                                const std::string& where) {
  BITGRAIN_CHECK(json.is_object(), where, ": a recipe is a JSON object of options");
  std::vector<RecipeOption> options;
  for (const auto& item : json.items()) {
    if (item.key() == "about") continue;
    const std::string here = where + ", '" + item.key() + "'";
    if (item.key() == "command") {
      const auto meant = json_value<std::string>(item.value(), here);
      BITGRAIN_CHECK(meant == command, where, ": this recipe is for 'bitgrain ", meant, "', not for 'bitgrain ",
                     command, "'");
      continue;
    }
    options.push_back({item.key(), detail::recipe_value(item.value(), here)});
  }
  return options;
}

/// The same from a file.
inline std::vector<RecipeOption> read_recipe(const std::string& path, const std::string& command) {
  return recipe_options(read_json_file(path), command, "recipe '" + path + "'");
}

}  // namespace bitgrain
