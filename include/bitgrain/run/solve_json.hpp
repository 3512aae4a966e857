#pragma once

/// What `bitgrain solve problem.json` reads and prints.
///
///     {"groups": [{"name": "conv1",
///                  "choices": [{"label": "w2a4", "value": 0.12, "costs": {"bitops": 1.2e6, "size": 4608}}, ...]},
///                  ...],
///      "limits": {"bitops": 1.0e9, "size": 2.0e6}}
///
/// The total value is minimised. All choices name the same costs. A cost without a limit is not constrained, but its
/// total is printed. The answer:
///
///     {"status": "optimal", "value": 4.6, "choice": {"conv1": "w2a4", ...}, "costs": {"bitops": ..., ...},
///      "seconds": 0.002}
///     {"status": "infeasible", "message": "...", "shortfalls": {"size": {"limit": 1, "least_alone": 2}}, "seconds":
///     ...}
///     {"status": "limit", ...as optimal, if a choice was found..., "bound": 4.5, "message": "...", "seconds": ...}

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/run/json_file.hpp"
#include "bitgrain/search/mckp.hpp"

namespace bitgrain {

/// A problem from JSON: what the solver sees, and the costs that are only reported.
struct SolveInput {
  MckpProblem problem;
  std::vector<std::string> free_costs;                   ///< names of costs that have no limit
  std::vector<std::vector<std::vector<double>>> extras;  ///< [group][choice][free_costs]
};

namespace detail {

// Reads one problem; `where_` begins every message.
class SolveInputReader {
 public:
  explicit SolveInputReader(std::string where) : where_(std::move(where)) {}

  SolveInput read(const Json& json) {
    check_json_keys(json, {"groups", "limits"}, where_);
    for (const char* key : {"groups", "limits"})
      BITGRAIN_CHECK(json.contains(key), where_, ": the key '", key, "' is missing");
    BITGRAIN_CHECK(json.at("limits").is_object(), where_, ", 'limits': expected an object of names and numbers");
    for (const auto& limit : json.at("limits").items())
      input_.problem.limits.push_back(
          {limit.key(), json_value<double>(limit.value(), where_ + ", limit '" + limit.key() + "'")});
    BITGRAIN_CHECK(json.at("groups").is_array(), where_, ", 'groups': expected a list");
    for (const Json& group : json.at("groups")) read_group(group);
    try {
      mckp::check(input_.problem);
    } catch (const Error& error) {
      fail(where_, ": ", error.what());
    }
    return std::move(input_);
  }

 private:
  // Messages name a group or choice by its place in the list until its name is known.
  static std::string place(const char* kind, std::size_t number) {
    return std::string(", ") + kind + " number " + std::to_string(number + 1);
  }

  void read_group(const Json& json) {
    std::string where = where_ + place("group", input_.problem.groups.size());
    MckpGroup group;
    group.name = json_field<std::string>(json, "name", where);
    where = where_ + ", group '" + group.name + "'";
    check_json_keys(json, {"name", "choices"}, where);
    BITGRAIN_CHECK(json.contains("choices"), where, ": the key 'choices' is missing");
    BITGRAIN_CHECK(json.at("choices").is_array(), where, ", 'choices': expected a list");
    BITGRAIN_CHECK(!json.at("choices").empty(), where, ": there are no choices");
    input_.extras.emplace_back();
    for (const Json& choice : json.at("choices"))
      group.choices.push_back(read_choice(choice, where, group.choices.size()));
    input_.problem.groups.push_back(std::move(group));
  }

  MckpChoice read_choice(const Json& json, const std::string& group, std::size_t number) {
    std::string where = group + place("choice", number);
    MckpChoice choice;
    choice.label = json_field<std::string>(json, "label", where);
    where = group + ", choice '" + choice.label + "'";
    check_json_keys(json, {"label", "value", "costs"}, where);
    choice.value = json_field<double>(json, "value", where);
    const Json none = Json::object();
    const Json& costs = json.contains("costs") ? json.at("costs") : none;
    BITGRAIN_CHECK(costs.is_object(), where, ", 'costs': expected an object of names and numbers");
    if (first_choice_) learn_free_costs(costs);
    for (const MckpLimit& limit : input_.problem.limits) {
      BITGRAIN_CHECK(costs.contains(limit.name), where, ": the cost '", limit.name,
                     "', which has a limit, is missing");
      choice.costs.push_back(cost(costs, limit.name, where));
    }
    std::vector<double> extras;
    for (const std::string& name : input_.free_costs) {
      BITGRAIN_CHECK(costs.contains(name), where, ": the cost '", name, "', which other choices have, is missing");
      extras.push_back(cost(costs, name, where));
    }
    for (const auto& item : costs.items())
      BITGRAIN_CHECK(is_known(item.key()), where, ": the cost '", item.key(),
                     "' has no limit and is missing in earlier choices");
    input_.extras.back().push_back(std::move(extras));
    return choice;
  }

  static double cost(const Json& costs, const std::string& name, const std::string& where) {
    return json_value<double>(costs.at(name), where + ", cost '" + name + "'");
  }
  bool is_limited(const std::string& name) const {
    return std::any_of(input_.problem.limits.begin(), input_.problem.limits.end(),
                       [&](const MckpLimit& limit) { return limit.name == name; });
  }
  bool is_known(const std::string& name) const {
    return is_limited(name) ||
           std::find(input_.free_costs.begin(), input_.free_costs.end(), name) != input_.free_costs.end();
  }
  void learn_free_costs(const Json& costs) {
    first_choice_ = false;
    for (const auto& item : costs.items())
      if (!is_limited(item.key())) input_.free_costs.push_back(item.key());
  }

  std::string where_;
  SolveInput input_;
  bool first_choice_ = true;
};

}  // namespace detail

/// A problem from JSON. Throws Error, beginning with `where`, naming the group, the choice and the key at fault.
inline SolveInput solve_input_from_json(const Json& json, const std::string& where) {
  return detail::SolveInputReader(where).read(json);
}

/// A problem from a file. Throws Error, naming the file and, where it is not JSON, the offset.
inline SolveInput read_solve_input(const std::string& path) {
  return solve_input_from_json(read_json_file(path), "file '" + path + "'");
}

/// The answer to `input`, as it is printed.
inline Json solve_output_to_json(const SolveInput& input, const MckpSolution& solution) {
  Json json;
  json["status"] = to_string(solution.status);
  if (!solution.choice.empty() || solution.status == MckpStatus::kOptimal) {
    json["value"] = solution.value;
    json["choice"] = Json::object();
    json["costs"] = Json::object();
    for (std::size_t i = 0; i < input.problem.limits.size(); ++i)
      json["costs"][input.problem.limits[i].name] = solution.costs[i];
    std::vector<mckp::CompensatedSum> sums(input.free_costs.size());
    for (std::size_t g = 0; g < input.problem.groups.size(); ++g) {
      const auto chosen = static_cast<std::size_t>(solution.choice[g]);
      json["choice"][input.problem.groups[g].name] = input.problem.groups[g].choices[chosen].label;
      for (std::size_t k = 0; k < sums.size(); ++k) sums[k].add(input.extras[g][chosen][k]);
    }
    for (std::size_t k = 0; k < sums.size(); ++k) json["costs"][input.free_costs[k]] = sums[k].value();
  }
  if (solution.status == MckpStatus::kLimit && std::isfinite(solution.bound)) json["bound"] = solution.bound;
  if (!solution.message.empty()) json["message"] = solution.message;
  for (const MckpShortfall& shortfall : solution.shortfalls) {
    Json& entry = json["shortfalls"][shortfall.name];
    entry["limit"] = shortfall.limit;
    entry["least_alone"] = shortfall.least_alone;
    if (std::isfinite(shortfall.least_with_others)) entry["least_with_others"] = shortfall.least_with_others;
  }
  json["seconds"] = solution.seconds;
  return json;
}

}  // namespace bitgrain
