#pragma once

/// Allocations as JSON:
///
///     {"weights": {"conv1": 8, "layer1.0.conv1": 3}, "activations": {"relu1": 4}}

#include <string>

#include "bitgrain/quant/allocation.hpp"
#include "bitgrain/run/json_file.hpp"

namespace bitgrain {

/// Keys in the order of the allocation.
inline Json allocation_to_json(const Allocation& allocation) {
  Json json = {{"weights", Json::object()}, {"activations", Json::object()}};
  for (const auto& [name, bits] : allocation.weights) json["weights"][name] = bits;
  for (const auto& [name, bits] : allocation.activations) json["activations"][name] = bits;
  return json;
}

/// Reads what `allocation_to_json` writes; either of the two keys may be missing, not both. Throws Error, beginning
/// with `where`, at unknown keys and at bits that are not whole numbers from 1 to 32.
inline Allocation allocation_from_json(const Json& json, const std::string& where) {
  check_json_keys(json, {"weights", "activations"}, where);
  BITGRAIN_CHECK(!json.empty(), where, ": expected the key 'weights', 'activations' or both");
  Allocation allocation;
  const auto read = [&](const char* key, BitsByName& into) {
    if (!json.contains(key)) return;
    const std::string inside = where + ", '" + key + "'";
    BITGRAIN_CHECK(json.at(key).is_object(), inside, ": expected an object of names and bits");
    for (const auto& item : json.at(key).items()) {
      const std::string entry = inside + ", '" + item.key() + "'";
      const int bits = json_value<int>(item.value(), entry);
      BITGRAIN_CHECK(bits >= 1 && bits <= 32, entry, ": bits must be 1 to 32, got ", bits);
      into.set(item.key(), bits);
    }
  };
  read("weights", allocation.weights);
  read("activations", allocation.activations);
  return allocation;
}

/// Reads an allocation from a file. Throws Error, naming the file and the entry at fault.
inline Allocation read_allocation(const std::string& path) {
  return allocation_from_json(read_json_file(path), "file '" + path + "'");
}

/// Writes an allocation to a file, whole or not at all.
inline void write_allocation(const std::string& path, const Allocation& allocation) {
  write_json_file(path, allocation_to_json(allocation));
}

}  // namespace bitgrain
