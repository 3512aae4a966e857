// bitgrain eval

#include "bitgrain/run/table.hpp"
#include "command.hpp"
#include "network.hpp"
#include "run_header.hpp"

namespace cli {

using namespace bitgrain;

namespace {

class Eval final : public Command {
 public:
  Eval()
      : Command("eval", "Measure the accuracy of a network or a packed model on test images.",
                "  bitgrain eval runs/lenet\n"
                "  bitgrain eval runs/lenet-3bit/model.bgm --verify\n") {
    options.argument("MODEL", model_, "model.safetensors, a run folder, or a packed model.bgm").require();
    data_.declare(options, false);
    options.group("Run");
    options.flag(
        "--verify", verify_,
        "compare every code of every layer with the scalar interpreter; for a network also with the training "
        "graph in double");
    options.text("--kernels", kernels_, "FILE",
                 "choose the engine's kernels by times of bitgrain bench --tune; for packed models");
    declare_threads(options, threads_);
  }

  int run() override {
    if (!kernels_.empty() && !model_.ends_with(".bgm")) throw UsageError("--kernels needs a packed model.bgm");
    print_header();
    const ImageDataset test = data_.load().test;
    if (!model_.ends_with(".bgm")) return evaluate_trained(test);
    const deploy::IntegerNetwork packed = load_packed(model_);
    check_images(packed, test);
    print(evaluate_packed(packed, test, kernels_), test);
    return verify_ ? verify(packed, test) : kSuccess;
  }

 private:
  int evaluate_trained(const ImageDataset& test) {
    Network network = load_network(model_);
    check_images(network.spec.model, test);
    print(evaluate_network(network, test), test);
    if (network.spec.quantization.quantized())
      say("accuracy " + percent_text(evaluate_fake_quantized(network, test).accuracy) +
          " in the training graph (fake quantization, float)");
    if (!verify_) return kSuccess;
    const auto lowered = lower_network(network);
    BITGRAIN_CHECK(lowered.has_value(), "--verify: the network is in float; there are no codes to compare");
    const int exact = verify(*lowered, test);
    const DoubleComparison flips = compare_with_double(network, *lowered, test);
    say("training graph in double: at most " + fixed_text(1e6 * flips.worst_share, 2) +
        " codes per million differ (" + flips.worst_tensor + "), by at most " +
        std::to_string(flips.largest_difference));
    return exact;
  }
  static void print(const Score& score, const ImageDataset& test) {
    say("accuracy " + percent_text(score.accuracy) + ", loss " + fixed_text(score.loss, 4) + " on " +
        count_text(test.size()) + " images of " + test.name + " (" + score.arithmetic + ")");
  }
  int verify(const deploy::IntegerNetwork& network, const ImageDataset& test) const {
    const Comparison found = compare_with_interpreter(network, test, kernels_);
    say("interpreter: " + count_text(found.codes) + " codes compared, " + count_text(found.mismatched) + " differ");
    return found.mismatched == 0 ? kSuccess : kFailure;
  }

  std::string model_, kernels_;
  bool verify_ = false;
  int threads_ = 0;
  DataOptions data_;
};

}  // namespace

std::unique_ptr<Command> make_eval() { return std::make_unique<Eval>(); }

}  // namespace cli
