#pragma once

/// The folder of one run: everything needed to repeat it, and what it found.
///
///     config.json            a recipe: every option, the seed among them, and the version that ran it
///     metrics.csv            a row per epoch              layers.csv   a row per epoch and quantized tensor
///     model.safetensors      the trained network          model.bgm    the packed one
///     allocation.json        bits by name                 summary.json what came out
///     checkpoint.safetensors where the run stands, until it is done

#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "bitgrain/base/atomic_file.hpp"
#include "bitgrain/base/cpu.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/base/version.hpp"
#include "bitgrain/run/json_file.hpp"

namespace bitgrain {

class RunFolder {
 public:
  /// Makes the folder `path` (and those above it). Throws Error if it exists and is not empty, unless `force`: then
  /// the files of the earlier run are removed, and nothing else.
  static RunFolder create(const std::string& path, bool force = false) {
    namespace fs = std::filesystem;
    BITGRAIN_CHECK(!path.empty(), "a run folder needs a name");
    std::error_code error;
    BITGRAIN_CHECK(!fs::exists(path, error) || fs::is_directory(path, error), "'", path, "' exists and is no folder");
    if (fs::exists(path, error) && !fs::is_empty(path, error)) {
      BITGRAIN_CHECK(force, "the run folder '", path,
                     "' exists and is not empty; choose another with --out, or replace that run with --force");
      for (const std::string_view name : kFiles) fs::remove(fs::path(path) / name, error);
      remove_abandoned_files(path);
    }
    fs::create_directories(path, error);
    BITGRAIN_CHECK(!error && fs::is_directory(path), "the run folder '", path, "' cannot be made: ", error.message());
    return RunFolder(path);
  }
  /// Makes a new folder `parent`/`name`, or `name`-2, `name`-3, ... if that exists.
  static RunFolder fresh(const std::string& parent, const std::string& name) {
    std::error_code error;
    std::filesystem::create_directories(parent, error);
    for (int i = 1; i < 100000; ++i) {
      const std::string path = parent + "/" + name + (i > 1 ? "-" + std::to_string(i) : "");
      if (std::filesystem::create_directory(path, error)) return RunFolder(path);
      BITGRAIN_CHECK(!error, "the run folder '", path, "' cannot be made: ", error.message());
    }
    fail("there are 100000 runs called '", parent, "/", name, "'");
  }
  /// A folder of an earlier run; what a killed one left half written is removed. Throws Error unless it has a
  /// config.json.
  static RunFolder open(const std::string& path) {
    const RunFolder folder(path);
    BITGRAIN_CHECK(folder.has("config.json"), "'", path, "' is no run folder: it has no config.json");
    remove_abandoned_files(path);
    return folder;
  }

  const std::string& path() const { return path_; }
  /// Path of a file in it.
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
  bool has(std::string_view name) const { return std::filesystem::exists(*this / name); }
  /// Removes a file of it, if it is there.
  void remove(std::string_view name) const {
    std::error_code ignored;
    std::filesystem::remove(*this / name, ignored);
  }

  /// Writes config.json: `options` by option name, for `command`, and beside them what the program was.
  void write_config(const std::string& command, const Json& options) const {
    Json config = {
        {"command", command},
        {"about",
         {{"bitgrain", kVersion},
          {"compiled_for", compiled_for()},
          {"threading", threading()},
          {"threads", num_threads()},
          {"repeat", "bitgrain " + command + " --config " + *this / "config.json" + " --out NEW_FOLDER"}}}};
    config.update(options);
    write_json_file(*this / "config.json", config);
  }
  void write_summary(const Json& summary) const { write_json_file(*this / "summary.json", summary); }

 private:
  static constexpr std::array<std::string_view, 8> kFiles = {
      "config.json", "metrics.csv",     "layers.csv",   "model.safetensors",
      "model.bgm",   "allocation.json", "summary.json", "checkpoint.safetensors"};

  explicit RunFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace bitgrain
