#pragma once

/// Tables of kernel times as JSON, as `bitgrain bench --tune` writes them:
///
///     {"compiled_for": "...",
///      "times": [{"in": 64, "out": 64, "taps": 9, "pixels": 64, "linear": false, "kernel": "bit_serial",
///                 "weight_bits": 2, "weight_planes": 1, "input_bits": 2, "single_ns": 6900, "batched_ns": 6700},
///                 ...]}
///
/// "stride" and "groups" stand behind "linear" where they are not 1. Tables of the layers of one network may say what
/// its engine takes besides them: "between_layers_ns".

#include <string>
#include <utility>

#include "bitgrain/base/cpu.hpp"
#include "bitgrain/deploy/kernel_choice.hpp"
#include "bitgrain/run/json_file.hpp"

namespace bitgrain {

/// `between_layers_ns` is left out if it is 0.
inline Json kernel_table_to_json(const deploy::KernelTable& table, double between_layers_ns = 0) {
  Json times = Json::array();
  for (const deploy::KernelTime& time : table) {
    Json entry = {{"in", time.shape.in},
                  {"out", time.shape.out},
                  {"taps", time.shape.taps},
                  {"pixels", time.shape.pixels},
                  {"linear", time.shape.linear}};
    if (time.shape.stride != 1) entry["stride"] = time.shape.stride;
    if (time.shape.groups != 1) entry["groups"] = time.shape.groups;
    entry["kernel"] = std::string(to_string(time.kernel));
    entry["weight_bits"] = time.bits.weights;
    entry["weight_planes"] = time.bits.planes;
    entry["input_bits"] = time.bits.input;
    entry["single_ns"] = time.single_ns;
    entry["batched_ns"] = time.batched_ns;
    times.push_back(std::move(entry));
  }
  Json json = {{"compiled_for", compiled_for()}};
  if (between_layers_ns > 0) json["between_layers_ns"] = between_layers_ns;
  json["times"] = times;
  return json;
}

/// The time besides the layers that comes with a table; 0 without one. Throws Error, beginning with `where`, if it is
/// negative.
inline double between_layers_from_json(const Json& json, const std::string& where) {
  const auto value = json_field_or<double>(json, "between_layers_ns", where, 0.0);
  BITGRAIN_CHECK(value >= 0, where, ", 'between_layers_ns': expected a time, got ", value);
  return value;
}

/// Reads what `kernel_table_to_json` writes; what it was compiled for is not compared. Throws Error, beginning with
/// `where`, at unknown keys and kernels, sizes below 1, bits that are not 1 to 8, and times that are not positive.
inline deploy::KernelTable kernel_table_from_json(const Json& json, const std::string& where) {
  check_json_keys(json, {"compiled_for", "between_layers_ns", "times"}, where);
  BITGRAIN_CHECK(json.contains("times") && json.at("times").is_array(), where, ": expected a list 'times'");
  deploy::KernelTable table;
  for (const Json& entry : json.at("times")) {
    const std::string here = where + ", time number " + std::to_string(table.size() + 1);
    check_json_keys(entry,
                    {"in", "out", "taps", "pixels", "linear", "stride", "groups", "kernel", "weight_bits",
                     "weight_planes", "input_bits", "single_ns", "batched_ns"},
                    here);
    const auto size = [&](const char* key) {
      const auto value = json_field<std::int64_t>(entry, key, here);
      BITGRAIN_CHECK(value >= 1, here, ", '", key, "': expected at least 1, got ", value);
      return value;
    };
    const auto bits = [&](const char* key) {
      const std::int64_t value = size(key);
      BITGRAIN_CHECK(value <= 8, here, ", '", key, "': expected 1 to 8, got ", value);
      return static_cast<int>(value);
    };
    const auto nanoseconds = [&](const char* key) {
      const auto value = json_field<double>(entry, key, here);
      BITGRAIN_CHECK(value > 0, here, ", '", key, "': expected a time above 0, got ", value);
      return value;
    };
    deploy::KernelTime time;
    time.shape = {size("in"),
                  size("out"),
                  size("taps"),
                  size("pixels"),
                  json_field<bool>(entry, "linear", here),
                  entry.contains("stride") ? size("stride") : 1,
                  entry.contains("groups") ? size("groups") : 1};
    const auto name = json_field<std::string>(entry, "kernel", here);
    bool known = false;
    for (const kernels::BitsKernel kernel : kernels::kBitsKernels)
      if (name == to_string(kernel)) {
        time.kernel = kernel;
        known = true;
      }
    BITGRAIN_CHECK(known, here, ": there is no kernel '", name, "'");
    time.bits = {bits("weight_bits"), bits("weight_planes"), bits("input_bits")};
    time.single_ns = nanoseconds("single_ns");
    time.batched_ns = nanoseconds("batched_ns");
    table.push_back(time);
  }
  return table;
}

/// Reads a table from a file. Throws Error, naming the file and the entry at fault.
inline deploy::KernelTable read_kernel_table(const std::string& path) {
  return kernel_table_from_json(read_json_file(path), "file '" + path + "'");
}

/// Writes a table to a file, whole or not at all.
inline void write_kernel_table(const std::string& path, const deploy::KernelTable& table,
                               double between_layers_ns = 0) {
  write_json_file(path, kernel_table_to_json(table, between_layers_ns));
}

}  // namespace bitgrain
