// bitgrain search

#include "bitgrain/run/allocation_json.hpp"
#include "bitgrain/run/table.hpp"
#include "command.hpp"
#include "network.hpp"
#include "run_header.hpp"
#include "training.hpp"

namespace cli {

using namespace bitgrain;

namespace {

class Search final : public Command {
 public:
  Search()
      : Command("search", "Find how many bits each layer gets under a budget, fine-tune, and pack.",
                "  bitgrain search --init runs/lenet --budget-avg-bits 3 --out runs/lenet-3bit\n"
                "  bitgrain search --init runs/resnet20 --data cifar10 --budget-bytes 100000 --budget-bitops 5e8\n"
                "  bitgrain search --init runs/resnet20 --data cifar10 --budget-latency 250us\n"
                "  bitgrain search --init runs/lenet --method uniform --budget-avg-bits 3     (to compare with)\n") {
    options.text("--init", init_, "FILE", "the trained float network: model.safetensors or its run folder").require();
    options.choice("--method", choices_.method, {"limpq", "uniform", "random", "sensitivity"}, "who decides");
    budget_.declare(options);
    options.text("--latencies", choices_.latencies, "FILE",
                 "what --budget-latency counts with: times that bench --all-bits wrote; default: measured first");
    options.group("Candidates");
    options.list("--candidates", choices_.candidates, 1, 8, "weight bits to choose from");
    options.whole("--abits", choices_.activation_bits, 1, 32, "bits of the activations, 1 to 8; 32: float");
    options.list("--activation-candidates", choices_.activation_candidates, 1, 8,
                 "search the bits of the activations too, among these (limpq)");
    options.whole("--first-last-bits", choices_.first_last_bits, 0, 8,
                  "fixed weight bits of the first and the last layer; 0: searched like all others");
    options.group("LIMPQ");
    options.whole("--indicator-epochs", choices_.indicator_epochs, 1, 10000,
                  "of the training that measures importance");
    options.real("--alpha", choices_.alpha, 0, 1e6, "weight of weights against activations");
    options.flag("--keep-weights", choices_.keep_weights,
                 "fine-tune from where that training ended, not from --init");
    data_.declare(options, false);
    training_.declare_finetune(options);
    run_.declare(options);
  }

  int run() override {
    if (choices_.activation_bits > 8 && choices_.activation_bits != 32)
      throw UsageError("--abits: expected 1 to 8, or 32 for float");
    const Budget budget = budget_.budget();
    if (!choices_.latencies.empty() && !budget.latency)
      throw UsageError("--latencies is for --budget-latency, which is missing");
    if (budget.latency && choices_.activation_bits == 32 && choices_.activation_candidates.empty())
      throw UsageError("--budget-latency needs activations of 1 to 8 bits: --abits 32 runs on no integer kernel");
    if (budget.empty()) throw UsageError("--budget-avg-bits, --budget-bytes or another --budget-... is needed");
    print_header();
    Network network = load_network(init_);
    BITGRAIN_CHECK(!network.spec.quantization.quantized(), "--init: ", network_file(init_),
                   " is quantized already; a search starts from a float network");
    const DatasetSplits data = data_.load();
    check_images(network.spec.model, data.test);
    const RunFolder folder = run_.out.empty()
                                 ? RunFolder::fresh("runs", network.spec.model.architecture + "-" + choices_.method)
                                 : RunFolder::create(run_.out, run_.force);
    folder.write_config(name, options.recorded());
    say(network.spec.model.text() + " from " + network_file(init_) + "; budget: " + budget.text() + "; run folder " +
        folder.path());

    const Score in_float = evaluate_network(network, data.test);
    const SearchOutcome found = search_network(network, data, choices_, budget, training_, run_.seed, folder);
    write_allocation(folder / "allocation.json", found.allocation);
    const Score quantized = evaluate_fake_quantized(network, data.test);
    const Score deployed = found.test ? *found.test : evaluate_network(network, data.test);
    say(choices_.method + ": " + found.costs + "; search " + duration_text(found.seconds_search) + ", fine-tune " +
        duration_text(found.seconds_finetune));
    say("test accuracy " + percent_text(in_float.accuracy) + " in float, " + percent_text(deployed.accuracy) +
        " with the found bits (" + deployed.arithmetic + ")");
    Json summary = {{"command", name},
                    {"method", choices_.method},
                    {"model", to_json(network.spec.model)},
                    {"budget", budget.text()},
                    {"finished", found.signal == 0},
                    {"float_accuracy", in_float.accuracy},
                    {"quantized_accuracy", quantized.accuracy},
                    {"test_accuracy", deployed.accuracy},
                    {"evaluated_by", deployed.arithmetic},
                    {"seconds_search", found.seconds_search},
                    {"seconds_finetune", found.seconds_finetune}};
    if (found.latency) summary["latency_seconds"] = *found.latency;
    save_results(network, folder, summary);
    folder.write_summary(summary);
    if (found.signal != 0) {
      say("Interrupted: the bits and the network as they are now are saved, not what the search would have found. "
          "Once more:\n  " +
          program_name() + " search --config " + shell_word(folder / "config.json") + " --out " +
          shell_word(folder.path()) + " --force");
      return interrupted_by(found.signal);
    }
    if (found.latency)
      say("the engine takes the kernels that latency was counted with if it is given their times: --kernels " +
          folder / "kernels.json");
    say("results in " + folder.path() + "; the bits are in " + folder / "allocation.json");
    return kSuccess;
  }

 private:
  std::string init_;
  SearchChoices choices_;
  BudgetOptions budget_;
  DataOptions data_;
  TrainingOptions training_;
  RunOptions run_;
};

}  // namespace

std::unique_ptr<Command> make_search() { return std::make_unique<Search>(); }

}  // namespace cli
