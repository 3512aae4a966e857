// bitgrain solve

#include "bitgrain/run/solve_json.hpp"
#include "command.hpp"

namespace cli {

using namespace bitgrain;

namespace {

class Solve final : public Command {
 public:
  Solve()
      : Command("solve", "Solve a multiple-choice knapsack problem exactly: the least total value within all limits.",
                "  bitgrain solve problem.json\n\n"
                "problem.json:\n"
                "  {\"groups\": [{\"name\": \"conv1\",\n"
                "               \"choices\": [{\"label\": \"w2\", \"value\": 0.12, \"costs\": {\"size\": 4608}},\n"
                "                           {\"label\": \"w4\", \"value\": 0.03, \"costs\": {\"size\": 9216}}]}],\n"
                "   \"limits\": {\"size\": 8000}}\n\n"
                "Prints the answer as JSON. Exit code 0 only if it is proven optimal.\n") {
    options.argument("PROBLEM", problem_, "a JSON file").require();
    options.group("Limits of the solver");
    options.whole("--node-limit", limits_.node_limit, 1, INT64_MAX, "nodes of the search tree");
    options.real("--seconds", seconds_, 0, 1e9, "wall-clock seconds; 0: any");
  }

  int run() override {
    if (seconds_ > 0) limits_.second_limit = seconds_;
    const SolveInput input = read_solve_input(problem_);
    const MckpSolution solution = solve_mckp(input.problem, limits_);
    const std::string text = json_text(solve_output_to_json(input, solution));
    say(text.substr(0, text.size() - 1));
    return solution.status == MckpStatus::kOptimal ? kSuccess : kFailure;
  }

 private:
  std::string problem_;
  MckpOptions limits_;
  double seconds_ = 0;
};

}  // namespace

std::unique_ptr<Command> make_solve() { return std::make_unique<Solve>(); }

}  // namespace cli
