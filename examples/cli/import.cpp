// bitgrain import

#include "bitgrain/run/table.hpp"
#include "command.hpp"
#include "network.hpp"
#include "run_header.hpp"

namespace cli {

using namespace bitgrain;

namespace {

class Import final : public Command {
 public:
  Import()
      : Command(
            "import", "Bring a trained float network along from another program.",
            "  bitgrain import resnet20.safetensors --layout pytorch --model resnet20 --data cifar10 --out "
            "runs/float\n"
            "  bitgrain import lenet-weights/ --model lenet5                       (a folder of NAME.npy files)\n"
            "  bitgrain search --init runs/float --data cifar10 --budget-avg-bits 3            (what comes next)\n\n"
            "Tensors are found under bitgrain's names (those that bitgrain export writes) or under those of "
            "torchvision's\n"
            "networks (conv1, bn1, layer1.0.conv1, ..., layer2.0.downsample.0, fc), also behind a common prefix "
            "like\n"
            "module.; what does not match is listed with its shape. F16, BF16, F32 and F64 are read.\n") {
    options.argument("PATH", weights_.path, "a safetensors file, or a folder of NAME.npy files").require();
    weights_.declare(options, false);
    data_.declare(options, true);
    model_.declare(options);
    run_.declare(options, false);
  }

  int run() override {
    print_header();
    const DatasetSplits data = data_.load();
    const ModelSpec spec = model_.spec(data.train);
    Network network = new_network(spec, QuantOptions(), data_.encoding(data.train), data.train.classes, /*seed=*/1);
    const std::string loaded = load_weights(network, weights_.path, weights_.layout);
    const RunFolder folder = run_.out.empty() ? RunFolder::fresh("runs", spec.architecture + "-imported")
                                              : RunFolder::create(run_.out, run_.force);
    folder.write_config(name, options.recorded());
    say(spec.text() + ", " + loaded + "; run folder " + folder.path());
    const Score test = evaluate_network(network, data.test);
    say("test accuracy " + percent_text(test.accuracy) + " (" + test.arithmetic +
        "); is it what it was? If not, look " + "at --layout and --input");
    Json summary = {{"command", name},
                    {"model", to_json(network.spec.model)},
                    {"imported_from", weights_.path},
                    {"test_accuracy", test.accuracy},
                    {"test_loss", test.loss},
                    {"evaluated_by", test.arithmetic}};
    save_results(network, folder, summary);
    folder.write_summary(summary);
    say("results in " + folder.path());
    return kSuccess;
  }

 private:
  WeightOptions weights_;
  DataOptions data_;
  ModelOptions model_;
  RunOptions run_;
};

}  // namespace

std::unique_ptr<Command> make_import() { return std::make_unique<Import>(); }

}  // namespace cli
