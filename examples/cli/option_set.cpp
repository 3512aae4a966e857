#include "option_set.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "bitgrain/run/recipe.hpp"
#include "bitgrain/run/table.hpp"
#include "bitgrain/search/seconds_text.hpp"

namespace cli {

using bitgrain::detail::concat;

namespace {

// All of `text` as a whole number between low and high.
template <class T>
T parse_whole(const std::string& name, const std::string& text, T low, T high) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < low || value > high)
    throw UsageError(concat(name, ": expected a whole number from ", low, " to ", high, ", got '", text, "'"));
  return value;
}

std::string number(double value) {
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%.10g", value);
  return buffer;
}

std::string joined(const std::vector<std::string>& parts, const char* between) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : between) + part;
  return text;
}

}  // namespace

Option& OptionSet::add(Option option) {
  option.group = group_;
  options_.push_back(std::move(option));
  return options_.back();
}

Option& OptionSet::text(const std::string& name, std::string& target, const std::string& type,
                        const std::string& help) {
  Option option{name, help, type, {}, target, {}, {}};
  option.assign = [&target](const std::string& value) { target = value; };
  option.value = [&target] { return Json(target); };
  return add(std::move(option));
}

Option& OptionSet::choice(const std::string& name, std::string& target, const std::vector<std::string>& choices,
                          const std::string& help) {
  Option option{name, help + " (" + joined(choices, ", ") + ")", "NAME", {}, target, {}, {}};
  option.assign = [&target, choices, name](const std::string& value) {
    for (const std::string& choice : choices)
      if (choice == value) {
        target = value;
        return;
      }
    throw UsageError(name + ": expected " + joined(choices, ", ") + "; got '" + value + "'");
  };
  option.value = [&target] { return Json(target); };
  return add(std::move(option));
}

Option& OptionSet::flag(const std::string& name, bool& target, const std::string& help) {
  Option option{name, help, "", {}, "", {}, {}};
  option.flag = true;
  option.assign = [&target, name](const std::string& value) {
    if (value != "true" && value != "false") throw UsageError(name + ": expected true or false, got '" + value + "'");
    target = value == "true";
  };
  option.value = [&target] { return Json(target); };
  return add(std::move(option));
}

Option& OptionSet::whole(const std::string& name, std::int64_t& target, std::int64_t low, std::int64_t high,
                         const std::string& help) {
  Option option{name, help, "N", {}, std::to_string(target), {}, {}};
  option.assign = [&target, name, low, high](const std::string& value) {
    target = parse_whole<std::int64_t>(name, value, low, high);
  };
  option.value = [&target] { return Json(target); };
  return add(std::move(option));
}

Option& OptionSet::whole(const std::string& name, int& target, int low, int high, const std::string& help) {
  Option option{name, help, "N", {}, std::to_string(target), {}, {}};
  option.assign = [&target, name, low, high](const std::string& value) {
    target = parse_whole<int>(name, value, low, high);
  };
  option.value = [&target] { return Json(target); };
  return add(std::move(option));
}

Option& OptionSet::seed(const std::string& name, std::uint64_t& target, const std::string& help) {
  Option option{name, help, "N", {}, std::to_string(target), {}, {}};
  option.assign = [&target, name](const std::string& value) {
    target = parse_whole<std::uint64_t>(name, value, 0, UINT64_MAX);
  };
  option.value = [&target] { return Json(target); };
  return add(std::move(option));
}

Option& OptionSet::real(const std::string& name, double& target, double low, double high, const std::string& help) {
  Option option{name, help, "X", {}, number(target), {}, {}};
  option.assign = [&target, name, low, high](const std::string& text) {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0' || !std::isfinite(value) || value < low || value > high)
      throw UsageError(name + ": expected a number from " + number(low) + " to " + number(high) + ", got '" + text +
                       "'");
    target = value;
  };
  option.value = [&target] { return Json(target); };
  return add(std::move(option));
}

Option& OptionSet::time(const std::string& name, double& target, const std::string& help) {
  Option option{name, help, "TIME", {}, "", {}, {}};
  option.assign = [&target, name](const std::string& text) {
    const std::optional<double> seconds = bitgrain::seconds_from_text(text);
    if (!seconds || *seconds <= 0)
      throw UsageError(name + ": expected a time with its unit (s, ms, us, ns), such as 2.5ms, got '" + text + "'");
    target = *seconds;
  };
  option.value = [&target] { return Json(target > 0 ? bitgrain::seconds_text(target) : std::string()); };
  return add(std::move(option));
}

Option& OptionSet::list(const std::string& name, std::vector<int>& target, int low, int high,
                        const std::string& help) {
  std::vector<std::string> shown;
  for (const int value : target) shown.push_back(std::to_string(value));
  Option option{name, help, "A,B,..", {}, joined(shown, ","), {}, {}};
  option.assign = [&target, name, low, high](const std::string& text) {
    std::vector<int> values;
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find(',', at), text.size());
      values.push_back(parse_whole<int>(name, text.substr(at, end - at), low, high));
      at = end + 1;
    }
    target = values;
  };
  option.value = [&target] { return Json(target); };
  return add(std::move(option));
}

Option& OptionSet::argument(const std::string& name, std::string& target, const std::string& help) {
  Option& option = text(name, target, "", help);
  option.positional = true;
  return option.unrecorded();
}

Option& OptionSet::arguments(const std::string& name, std::vector<std::string>& target, const std::string& help) {
  Option option{name, help, "", {}, "", {}, {}};
  option.assign = [&target](const std::string& value) { target.push_back(value); };
  option.value = [&target] { return Json(target); };
  option.positional = option.many = true;
  return add(std::move(option)).unrecorded();
}

Option* OptionSet::find(const std::string& name) {
  for (Option& option : options_)
    if (option.name == name) return &option;
  return nullptr;
}

void OptionSet::apply_recipe(const std::string& path, const std::string& command) {
  for (const bitgrain::RecipeOption& entry : bitgrain::read_recipe(path, command)) {
    Option* option = find("--" + entry.name);
    if (!option || !option->recorded)
      throw UsageError("recipe '" + path + "': the key '" + entry.name + "' is no option of 'bitgrain " + command +
                       "'; see bitgrain " + command + " --help");
    if (option->given) continue;  // the command line has the last word
    try {
      option->assign(entry.value);
    } catch (const UsageError& error) {
      throw UsageError("recipe '" + path + "': " + error.what());
    }
    option->given = true;
  }
}

void OptionSet::check_required(const std::string& command) const {
  for (const Option& option : options_)
    if (option.required && !option.given)
      throw UsageError(option.name + " is missing (" + option.help + "); see bitgrain " + command + " --help");
}

Json OptionSet::recorded() const {
  Json json = Json::object();
  for (const Option& option : options_)
    if (const Json value = option.value(); option.recorded && value != Json("") && value != Json::array())
      json[option.name.substr(2)] = value;
  return json;
}

}  // namespace cli
