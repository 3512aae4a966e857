// bitgrain train

#include "bitgrain/run/table.hpp"
#include "command.hpp"
#include "network.hpp"
#include "run_header.hpp"
#include "training.hpp"

namespace cli {

using namespace bitgrain;

namespace {

class Train final : public Command {
 public:
  Train()
      : Command(
            "train", "Train a network on images, in float or quantized.",
            "  bitgrain train --model lenet5 --epochs 3 --out runs/lenet\n"
            "  bitgrain train --model resnet20 --data cifar10 --augment pad-crop-flip --epochs 30\n"
            "  bitgrain train --init runs/lenet --model lenet5 --method lsq --wbits 4 --abits 4 --epochs 2 --lr "
            "0.02\n"
            "  bitgrain train --weights resnet20.safetensors --layout pytorch --data cifar10 --epochs 5 --lr 0.01\n"
            "  bitgrain train --config runs/lenet/config.json --seed 2     (that run again, with another seed)\n"
            "  bitgrain train --resume runs/lenet                          (after Ctrl-C or a crash)\n\n"
            "A run that is interrupted or killed goes on to the same weights, bit for bit.\n") {
    data_.declare(options, true);
    model_.declare(options);
    options.text("--init", init_, "FILE",
                 "start from the weights of a network of the same architecture (run folder, model or checkpoint)");
    weights_.declare(options, true);
    quant_.declare(options, {"float", "lsq", "uniform", "uniform-percentile", "uniform-mse"});
    training_.declare(options);
    training_.declare_arithmetic(options);
    run_.declare(options);
    training_.declare_checkpoints(options);
    options.text("--resume", resume_, "DIR", "go on with the run in this folder, behind the last step it has saved")
        .unrecorded();
  }

  int run() override {
    const bool resume = !resume_.empty();
    if (resume) read_options_of_run();
    if (quant_.method == "float") refuse_bits_without_method();
    if (!init_.empty() && !weights_.path.empty()) throw UsageError("--init and --weights: give one of them");
    if (weights_.path.empty() && weights_.layout == "pytorch") throw UsageError("--layout pytorch needs --weights");
    print_header();
    const DatasetSplits data = data_.load();
    const ModelSpec spec = model_.spec(data.train);
    Network network = new_network(spec, quant_, data_.encoding(data.train), data.train.classes, run_.seed);
    const RunFolder folder =
        resume             ? RunFolder::open(resume_)
        : run_.out.empty() ? RunFolder::fresh("runs", spec.architecture + "-" + data_.data + "-" + quant_.method)
                           : RunFolder::create(run_.out, run_.force);
    say(spec.text() + ", " + count_text(network.model->parameter_count()) + " parameters; " +
        count_text(data.train.size()) + " training and " + count_text(data.test.size()) + " test images of " +
        data.train.name + "; run folder " + folder.path());
    const bool go_on = resume && folder.has("checkpoint.safetensors");
    if (!go_on && !init_.empty()) say(load_initial(network, init_));
    if (!go_on && !weights_.path.empty()) say(load_weights(network, weights_.path, weights_.layout));
    const Json config = options.recorded();
    if (!resume) folder.write_config(name, config);

    const TrainingOutcome outcome = train_network(network, data, training_, run_.seed, folder, config.dump(), go_on);
    return report(network, data, folder, outcome);
  }

 private:
  // Options that a resumed run may have of its own.
  static bool changes_nothing(const Option& option) {
    return option.name == "--threads" || option.name == "--profile" || option.name.starts_with("--checkpoint-");
  }
  // The command line that goes on with the run in `folder`.
  std::string resuming(const RunFolder& folder) const {
    std::string line = program_name() + " train --resume " + shell_word(folder.path());
    for (const Option& option : options.all())
      if (option.given && changes_nothing(option))
        line += " " + option.name + (option.flag ? "" : " " + option.value().dump());
    return line;
  }
  // Everything else comes from the config.json of the run.
  void read_options_of_run() {
    for (const Option& option : options.all())
      if (option.given && option.name != "--resume" && !changes_nothing(option))
        throw UsageError("--resume: the run goes on as it began; " + option.name + " cannot be changed");
    const RunFolder folder = RunFolder::open(resume_);
    const std::string summary = folder / "summary.json";
    if (folder.has("summary.json") && json_field<bool>(read_json_file(summary), "finished", summary))
      fail("--resume: the run in '", resume_, "' is finished; start another from its weights with --init");
    options.apply_recipe(folder / "config.json", name);
  }
  void refuse_bits_without_method() const {
    for (const char* option : {"--wbits", "--abits", "--bits", "--first-last-bits", "--per-channel"})
      if (options.given(option) && !options.given("--method"))
        throw UsageError(std::string(option) + " needs a quantizer: give --method lsq");
  }

  int report(Network& network, const DatasetSplits& data, const RunFolder& folder, const TrainingOutcome& outcome) {
    if (outcome.signal != 0) return report_interruption(folder, outcome);
    try {
      save(network, data, folder, outcome);
    } catch (const Error& error) {
      fail("the training is done, but its results could not be saved: ", error.what(), ". The last checkpoint is of ",
           outcome.saved_step, " of ", outcome.steps_done, " steps; when the cause is gone, go on from there:\n  ",
           resuming(folder));
    }
    folder.remove("checkpoint.safetensors");
    say("results in " + folder.path());
    if (outcome.save_error.empty()) return kSuccess;
    say("but not all of it: the last attempt to save a checkpoint or the metrics failed: " + outcome.save_error);
    return kFailure;
  }
  int report_interruption(const RunFolder& folder, const TrainingOutcome& outcome) {
    const std::string where = "Interrupted behind step " + count_text(outcome.steps_done) + ", after " +
                              std::to_string(outcome.epochs_done) + " of " + std::to_string(training_.epochs) +
                              " epochs. ";
    if (outcome.saved_step != outcome.steps_done) {
      say(where + "It could not be saved: " + outcome.save_error + ". " +
          (outcome.saved_step < 0
               ? "There is no earlier checkpoint, so this begins again:\n  "
               : "The last checkpoint is of step " + count_text(outcome.saved_step) + "; to go on from there:\n  ") +
          resuming(folder));
      return kFailure;
    }
    say(where + "To go on from there:\n  " + resuming(folder));
    return interrupted_by(outcome.signal);
  }
  void save(Network& network, const DatasetSplits& data, const RunFolder& folder, const TrainingOutcome& outcome) {
    Json summary = {{"command", name},
                    {"model", to_json(network.spec.model)},
                    {"epochs", outcome.epochs_done},
                    {"finished", true}};
    if (outcome.test) {
      say("test accuracy " + percent_text(outcome.test->accuracy) + " at the last epoch (" +
          outcome.test->arithmetic + "), best " + percent_text(outcome.best_accuracy) + "; " +
          duration_text(outcome.seconds));
      summary["test_accuracy"] = outcome.test->accuracy;
      summary["best_test_accuracy"] = outcome.best_accuracy;
      summary["test_loss"] = outcome.test->loss;
      summary["evaluated_by"] = outcome.test->arithmetic;
    }
    summary["train_accuracy"] = outcome.train_accuracy;
    summary["images_per_second"] = outcome.images_per_second;
    summary["seconds"] = outcome.seconds;
    if (network.spec.quantization.quantized())
      summary["quantized_accuracy"] = evaluate_fake_quantized(network, data.test).accuracy;
    save_results(network, folder, summary);
    folder.write_summary(summary);
  }

  DataOptions data_;
  ModelOptions model_;
  WeightOptions weights_;
  QuantOptions quant_;
  TrainingOptions training_;
  RunOptions run_;
  std::string init_, resume_;
};

}  // namespace

std::unique_ptr<Command> make_train() { return std::make_unique<Train>(); }

}  // namespace cli
