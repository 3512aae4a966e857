#pragma once

/// The options of a command, declared once: the command line, --help, recipes (--config) and the config.json of a run
/// all come from the same list.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bitgrain/run/json_file.hpp"

namespace cli {

using bitgrain::Json;

/// What the user typed is wrong: the message names the option; exit code 2.
class UsageError : public bitgrain::Error {
 public:
  using Error::Error;
};

struct Option {
  std::string name;  ///< "--epochs"; positional arguments have no dashes: "MODEL"
  std::string help, type, group;
  std::string shown_default;                       ///< in --help
  std::function<void(const std::string&)> assign;  ///< throws UsageError
  std::function<Json()> value;
  bool flag = false;
  bool positional = false;
  bool many = false;  ///< a positional that takes all that follow
  bool required = false;
  bool recorded = true;  ///< part of config.json and allowed in recipes
  bool given = false;    ///< on the command line or in a recipe

  Option& require() {
    required = true;
    return *this;
  }
  /// Says where or how to run, not what: stays out of config.json.
  Option& unrecorded() {
    recorded = false;
    return *this;
  }
};

class OptionSet {
 public:
  /// Heading in --help of the options that follow.
  void group(std::string title) { group_ = std::move(title); }

  /// Options; `target` holds the default and must outlive the set.
  Option& text(const std::string& name, std::string& target, const std::string& type, const std::string& help);
  Option& choice(const std::string& name, std::string& target, const std::vector<std::string>& choices,
                 const std::string& help);
  Option& flag(const std::string& name, bool& target, const std::string& help);
  Option& whole(const std::string& name, std::int64_t& target, std::int64_t low, std::int64_t high,
                const std::string& help);
  Option& whole(const std::string& name, int& target, int low, int high, const std::string& help);
  Option& seed(const std::string& name, std::uint64_t& target, const std::string& help);
  Option& real(const std::string& name, double& target, double low, double high, const std::string& help);
  /// "2.5ms": a time in seconds; 0, the default, is none.
  Option& time(const std::string& name, double& target, const std::string& help);
  /// "2,3,4": whole numbers between low and high.
  Option& list(const std::string& name, std::vector<int>& target, int low, int high, const std::string& help);
  /// Positional arguments.
  Option& argument(const std::string& name, std::string& target, const std::string& help);
  Option& arguments(const std::string& name, std::vector<std::string>& target, const std::string& help);

  std::vector<Option>& all() { return options_; }
  const std::vector<Option>& all() const { return options_; }
  /// Null if there is none; `name` with dashes.
  Option* find(const std::string& name);
  const Option* find(const std::string& name) const { return const_cast<OptionSet*>(this)->find(name); }
  bool given(const std::string& name) const {
    const Option* option = find(name);
    return option && option->given;
  }

  /// Assigns what a recipe says and the command line did not. Throws UsageError, naming the key, if there is no such
  /// option.
  void apply_recipe(const std::string& path, const std::string& command);
  /// Throws UsageError unless every required option was given.
  void check_required(const std::string& command) const;
  /// Every recorded option and its value, by name without dashes: the body of a config.json.
  Json recorded() const;

 private:
  Option& add(Option option);
  std::string group_;
  std::vector<Option> options_;
};

}  // namespace cli
