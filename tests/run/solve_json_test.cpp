#include "bitgrain/run/solve_json.hpp"

#include <doctest/doctest.h>

#include <string>

#include "error_of.hpp"
#include "run/folder.hpp"

using namespace bitgrain;

namespace {

const char* const kProblem = R"({
  "groups": [
    {"name": "conv1", "choices": [
      {"label": "w2", "value": 3, "costs": {"size": 2, "ms": 0.25, "bitops": 10}},
      {"label": "w4", "value": 1.5, "costs": {"size": 4, "ms": 0.5, "bitops": 20}}]},
    {"name": "fc", "choices": [
      {"label": "w2", "value": 1, "costs": {"bitops": 1, "ms": 1, "size": 2}},
      {"label": "w8", "value": 0, "costs": {"bitops": 4, "ms": 2, "size": 8}}]}],
  "limits": {"bitops": 22, "size": 100}})";

Json solved(const Json& json) {
  const SolveInput input = solve_input_from_json(json, "here");
  return solve_output_to_json(input, solve_mckp(input.problem));
}

// The complaint about kProblem after `edit`.
template <class Edit>
std::string complaint(Edit&& edit) {
  Json json = Json::parse(kProblem);
  edit(json);
  return error_of([&] { solve_input_from_json(json, "file 'p'"); });
}

}  // namespace

TEST_CASE("a problem is solved and printed with value, choice, all costs and seconds") {
  Json answer = solved(Json::parse(kProblem));
  CHECK(answer["seconds"].get<double>() >= 0);
  answer.erase("seconds");
  // "ms" has no limit, and is reported.
  CHECK(answer.dump() == R"({"status":"optimal","value":2.5,"choice":{"conv1":"w4","fc":"w2"},)"
                         R"("costs":{"bitops":21.0,"size":6.0,"ms":1.5}})");
}

TEST_CASE("a problem without groups or limits is optimal") {
  Json answer = solved(Json::parse(R"({"groups": [], "limits": {}})"));
  answer.erase("seconds");
  CHECK(answer.dump() == R"({"status":"optimal","value":0.0,"choice":{},"costs":{}})");
  answer =
      solved(Json::parse(R"({"groups": [{"name": "a", "choices": [{"label": "x", "value": 1}]}], "limits": {}})"));
  CHECK(answer["choice"].dump() == R"({"a":"x"})");
}

TEST_CASE("an infeasible problem is answered with a message and what each limit would need") {
  Json json = Json::parse(kProblem);
  json["limits"]["size"] = 3;
  const Json answer = solved(json);
  CHECK(answer["status"] == "infeasible");
  CHECK(!answer.contains("choice"));
  CHECK(!answer.contains("value"));
  CHECK(contains(answer["message"].get<std::string>(), "\"size\" needs at least 4 (limit 3, 33.3 % above)"));
  CHECK(answer["shortfalls"]["size"].dump() == R"({"limit":3.0,"least_alone":4.0})");
}

TEST_CASE("a search that was cut short prints what it has and a bound") {
  SolveInput input = solve_input_from_json(Json::parse(kProblem), "here");
  MckpSolution solution;
  solution.status = MckpStatus::kLimit;
  solution.choice = {0, 1};
  solution.value = 3;
  solution.costs = {14, 10};
  solution.bound = 2;
  solution.message = "stopped";
  const Json answer = solve_output_to_json(input, solution);
  CHECK(answer["status"] == "limit");
  CHECK(answer["choice"]["fc"] == "w8");
  CHECK(answer["costs"]["ms"] == 2.25);
  CHECK(answer["bound"] == 2.0);
  CHECK(answer["message"] == "stopped");
}

TEST_CASE("broken files are refused with their name and the offset") {
  const TestFolder folder("solve_json");
  write_file_atomically(folder / "p.json", kProblem);
  CHECK(read_solve_input(folder / "p.json").problem.groups.size() == 2);
  write_file_atomically(folder / "p.json", std::string(kProblem).substr(0, 60));
  const std::string message = error_of([&] { read_solve_input(folder / "p.json"); });
  CHECK(contains(message, "p.json', offset 61"));
}

TEST_CASE("every mistake in a problem is refused with group, choice and key") {
  const auto choice = [](Json& json) -> Json& { return json["groups"][0]["choices"][1]; };
  CHECK(complaint([](Json&) {}).empty());
  CHECK(complaint([](Json& j) { j.erase("limits"); }) == "file 'p': the key 'limits' is missing");
  CHECK(complaint([](Json& j) { j.erase("groups"); }) == "file 'p': the key 'groups' is missing");
  CHECK(complaint([](Json& j) { j = Json::array(); }) == "file 'p': expected an object");
  CHECK(complaint([](Json& j) { j["limit"] = 1; }) ==
        "file 'p': the key 'limit' is not known; known: groups, limits");
  CHECK(complaint([](Json& j) { j["limits"] = 3; }) == "file 'p', 'limits': expected an object of names and numbers");
  CHECK(complaint([](Json& j) { j["limits"]["size"] = "big"; }) ==
        "file 'p', limit 'size': expected a number, got \"big\"");
  CHECK(complaint([](Json& j) { j["groups"] = 3; }) == "file 'p', 'groups': expected a list");
  CHECK(complaint([](Json& j) { j["groups"][1] = 3; }) == "file 'p', group number 2: expected an object");
  CHECK(complaint([](Json& j) { j["groups"][1].erase("name"); }) ==
        "file 'p', group number 2: the key 'name' is missing");
  CHECK(complaint([](Json& j) { j["groups"][1]["name"] = "conv1"; }) == "file 'p': group \"conv1\" is given twice");
  CHECK(complaint([](Json& j) { j["groups"][1]["choices"] = Json::array(); }) ==
        "file 'p', group 'fc': there are no choices");
  CHECK(complaint([](Json& j) { j["groups"][1].erase("choices"); }) ==
        "file 'p', group 'fc': the key 'choices' is missing");
  CHECK(complaint([](Json& j) { j["groups"][1]["weight"] = 1; }) ==
        "file 'p', group 'fc': the key 'weight' is not known; known: name, choices");
  CHECK(complaint([&](Json& j) { choice(j).erase("label"); }) ==
        "file 'p', group 'conv1', choice number 2: the key 'label' is missing");
  CHECK(complaint([&](Json& j) { choice(j)["label"] = 4; }) ==
        "file 'p', group 'conv1', choice number 2, 'label': expected a string, got 4");
  CHECK(complaint([&](Json& j) { choice(j)["label"] = "w2"; }) ==
        "file 'p': group \"conv1\", choice \"w2\": the label is given twice");
  CHECK(complaint([&](Json& j) { choice(j).erase("value"); }) ==
        "file 'p', group 'conv1', choice 'w4': the key 'value' is missing");
  CHECK(complaint([&](Json& j) { choice(j)["valu"] = 1; }) ==
        "file 'p', group 'conv1', choice 'w4': the key 'valu' is not known; known: label, value, costs");
  CHECK(complaint([&](Json& j) { choice(j)["costs"]["size"] = nullptr; }) ==
        "file 'p', group 'conv1', choice 'w4', cost 'size': expected a number, got null");
  CHECK(complaint([&](Json& j) { choice(j)["costs"].erase("size"); }) ==
        "file 'p', group 'conv1', choice 'w4': the cost 'size', which has a limit, is missing");
  CHECK(complaint([&](Json& j) { choice(j)["costs"].erase("ms"); }) ==
        "file 'p', group 'conv1', choice 'w4': the cost 'ms', which other choices have, is missing");
  CHECK(complaint([&](Json& j) { choice(j)["costs"]["sizes"] = 1; }) ==
        "file 'p', group 'conv1', choice 'w4': the cost 'sizes' has no limit and is missing in earlier choices");
  CHECK(complaint([&](Json& j) { choice(j)["costs"] = 1; }) ==
        "file 'p', group 'conv1', choice 'w4', 'costs': expected an object of names and numbers");
}
