// bitgrain calibrate

#include <algorithm>

#include "bitgrain/base/random.hpp"
#include "bitgrain/run/table.hpp"
#include "command.hpp"
#include "network.hpp"
#include "run_header.hpp"

namespace cli {

using namespace bitgrain;

namespace {

class Calibrate final : public Command {
 public:
  Calibrate()
      : Command("calibrate", "Quantize a trained network without training, on a few batches of images.",
                "  bitgrain calibrate runs/lenet --wbits 8 --abits 8\n"
                "  bitgrain calibrate runs/resnet20 --data cifar10 --wbits 6 --abits 6 --range mse --per-channel\n") {
    quant_.method = "uniform-mse";
    options.argument("MODEL", model_, "the float network: model.safetensors or its run folder").require();
    data_.declare(options, false);
    quant_.declare(options, {});
    options.choice("--range", range_, {"minmax", "percentile", "mse"}, "how clipping ranges are found");
    options.whole("--batches", batches_, 1, 100000, "batches of training images to look at");
    options.whole("--batch", batch_, 1, 65536, "images per batch");
    run_.declare(options);
  }

  int run() override {
    print_header();
    Network network = load_network(model_);
    const DatasetSplits data = data_.load();
    check_images(network.spec.model, data.test);
    if (!options.given("--batches") && !options.given("--batch"))
      batches_ = std::clamp<std::int64_t>(data.train.size() / batch_, 1, batches_);
    if (batches_ * batch_ > data.train.size())
      throw UsageError(detail::concat("--batches: ", batches_, " of ", batch_, " images are more than the ",
                                      data.train.size(), " training images"));
    const RunFolder folder = run_.out.empty()
                                 ? RunFolder::fresh("runs", network.spec.model.architecture + "-calibrated")
                                 : RunFolder::create(run_.out, run_.force);
    Json config = options.recorded();
    folder.write_config(name, config);
    say(network.spec.model.text() + " from " + network_file(model_) + "; run folder " + folder.path());

    const Score before = evaluate_network(network, data.test);
    quant_.method = range_ == "minmax" ? "uniform" : "uniform-" + range_;
    requantize(network, quant_);
    gather_ranges(network, shuffled(data.train), batch_);
    const Score after = evaluate_network(network, data.test);
    say("test accuracy " + percent_text(before.accuracy) + " before (" + before.arithmetic + "), " +
        percent_text(after.accuracy) + " after (" + after.arithmetic + ")");

    Json summary = {{"command", name},
                    {"model", to_json(network.spec.model)},
                    {"calibrated_from", model_},
                    {"float_accuracy", before.accuracy},
                    {"test_accuracy", after.accuracy},
                    {"evaluated_by", after.arithmetic}};
    save_results(network, folder, summary);
    folder.write_summary(summary);
    say("results in " + folder.path());
    return kSuccess;
  }

 private:
  // The images to look at: a seeded choice, so that a sorted data set does no harm.
  ImageDataset shuffled(const ImageDataset& images) const {
    const auto order =
        RandomStream(run_.seed, "calibrate.images").permutation(static_cast<std::uint32_t>(images.size()));
    return images.subset(std::vector<std::int64_t>(order.begin(), order.begin() + batches_ * batch_));
  }

  std::string model_, range_ = "mse";
  std::int64_t batches_ = 8, batch_ = 64;
  DataOptions data_;
  QuantOptions quant_;
  RunOptions run_;
};

}  // namespace

std::unique_ptr<Command> make_calibrate() { return std::make_unique<Calibrate>(); }

}  // namespace cli
