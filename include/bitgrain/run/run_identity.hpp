#pragma once

/// Which run a checkpoint belongs to: any text, usually the options of a run as a JSON object.

#include <string>
#include <vector>

#include "bitgrain/run/json_file.hpp"

namespace bitgrain {

/// What two identities differ in, for people: "'lr' is 0.05 there and 0.1 here". Texts that are no JSON objects are
/// shown whole.
inline std::string run_difference(const std::string& there, const std::string& here) {
  const Json a = Json::parse(there, nullptr, /*allow_exceptions=*/false);
  const Json b = Json::parse(here, nullptr, /*allow_exceptions=*/false);
  if (!a.is_object() || !b.is_object()) return "it is of '" + there + "', this run is '" + here + "'";
  const auto shown = [](const Json& json, const std::string& key) {
    return json.contains(key) ? json.at(key).dump(-1, ' ', false, Json::error_handler_t::replace) : "not given";
  };
  Json keys = a;
  keys.update(b);
  std::string text;
  for (const auto& item : keys.items()) {
    const std::string& key = item.key();
    if (shown(a, key) == shown(b, key)) continue;
    text += (text.empty() ? "'" : ", '") + key + "' is " + shown(a, key) + " there and " + shown(b, key) + " here";
  }
  return text;
}

}  // namespace bitgrain
