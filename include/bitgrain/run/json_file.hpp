#pragma once

/// JSON from files and back. What comes from outside is checked: sizes, duplicate keys, types, ranges, unknown keys;
/// messages name the file and the key.

#include <cmath>
#include <initializer_list>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "bitgrain/base/atomic_file.hpp"
#include "bitgrain/data/byte_source.hpp"
#include "nlohmann/json.hpp"

namespace bitgrain {

/// JSON values whose objects keep the order of their keys, so that files read as they were written.
using Json = nlohmann::ordered_json;

/// Objects with more keys are refused: keys are searched one by one, so a hostile file could take hours.
inline constexpr std::size_t kMostJsonKeys = 65536;

/// Parses `text`. Throws Error, beginning with `where` ("file 'x.json'"), at a syntax error (with the offset) or if
/// an object has a key twice.
inline Json parse_json(std::string_view text, const std::string& where) {
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event != Json::parse_event_t::key) return true;
    const auto key = parsed.get<std::string>();
    BITGRAIN_CHECK(keys.back().insert(key).second, where, ": the key '", key, "' appears twice in one object");
    BITGRAIN_CHECK(keys.back().size() <= kMostJsonKeys, where, ": an object has more than ", kMostJsonKeys, " keys");
    return true;
  };
  Json json;
  try {
    json = Json::parse(text.begin(), text.end(), watch);
  } catch (const Json::exception& error) {
    const std::string what = error.what();
    const auto from = what.rfind("] ");  // behind "[json.exception.parse_error.101] "
    const auto* syntax = dynamic_cast<const Json::parse_error*>(&error);
    fail(where, syntax ? ", offset " + std::to_string(syntax->byte) : "",
         ": this is not JSON: ", from == std::string::npos ? what : what.substr(from + 2));
  }
  return json;
}

/// Reads a JSON file of at most `limit` bytes. Throws Error if it is missing, larger or broken.
inline Json read_json_file(const std::string& path, std::uint64_t limit = std::uint64_t{64} << 20) {
  const std::vector<std::uint8_t> bytes = read_file_bytes(path, limit);
  return parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "file '" + path + "'");
}

/// Text of a JSON value for people: two spaces of indent, a newline at the end. Bytes that are not UTF-8 (in file
/// names, say) are replaced.
inline std::string json_text(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// Writes a JSON file, whole or not at all.
inline void write_json_file(const std::string& path, const Json& json) {
  write_file_atomically(path, json_text(json));
}

/// A JSON value as T: bool, an integer type (whole numbers in its range), double (any finite number), std::string.
/// Throws Error, beginning with `where`, if it is something else.
template <class T>
T json_value(const Json& value, const std::string& where) {
  const auto is = [&value] { return value.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 60); };
  if constexpr (std::is_same_v<T, bool>) {
    BITGRAIN_CHECK(value.is_boolean(), where, ": expected true or false, got ", is());
    return value.get<bool>();
  } else if constexpr (std::is_integral_v<T>) {
    BITGRAIN_CHECK(value.is_number_integer(), where, ": expected a whole number, got ", is());
    const bool fits = value.is_number_unsigned() ? std::in_range<T>(value.get<std::uint64_t>())
                                                 : std::in_range<T>(value.get<std::int64_t>());
    BITGRAIN_CHECK(fits, where, ": ", is(), " is out of range");
    return value.get<T>();
  } else if constexpr (std::is_floating_point_v<T>) {
    BITGRAIN_CHECK(value.is_number() && std::isfinite(value.get<double>()), where, ": expected a number, got ", is());
    return value.get<T>();
  } else {
    BITGRAIN_CHECK(value.is_string(), where, ": expected a string, got ", is());
    return value.get<std::string>();
  }
}

/// Field `key` of a JSON object as T. Throws Error, beginning with `where`, if it is missing or something else.
template <class T>
T json_field(const Json& object, const char* key, const std::string& where) {
  BITGRAIN_CHECK(object.is_object(), where, ": expected an object");
  BITGRAIN_CHECK(object.contains(key), where, ": the key '", key, "' is missing");
  return json_value<T>(object.at(key), where + ", '" + key + "'");
}

/// The same, or `otherwise` if the object has no such key.
template <class T>
T json_field_or(const Json& object, const char* key, const std::string& where, T otherwise) {
  BITGRAIN_CHECK(object.is_object(), where, ": expected an object");
  return object.contains(key) ? json_field<T>(object, key, where) : std::move(otherwise);
}

/// Throws Error, beginning with `where`, if a JSON object has a key that is not in `known`, naming the key.
inline void check_json_keys(const Json& object, std::initializer_list<std::string_view> known,
                            const std::string& where) {
  BITGRAIN_CHECK(object.is_object(), where, ": expected an object");
  std::string list;
  for (const std::string_view key : known) list.append(list.empty() ? "" : ", ").append(key);
  for (const auto& item : object.items()) {
    bool found = false;
    for (const std::string_view key : known) found |= item.key() == key;
    BITGRAIN_CHECK(found, where, ": the key '", item.key(), "' is not known; known: ", list);
  }
}

}  // namespace bitgrain
