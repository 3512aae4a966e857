// bitgrain info

#include <filesystem>

#include "bitgrain/deploy/arena_engine.hpp"
#include "bitgrain/deploy/packed_model.hpp"
#include "bitgrain/run/network_table.hpp"
#include "command.hpp"
#include "network.hpp"

namespace cli {

using namespace bitgrain;

namespace {

class Info final : public Command {
 public:
  Info()
      : Command("info", "Show what a packed model consists of, layer by layer.",
                "  bitgrain info runs/lenet-3bit/model.bgm\n"
                "  bitgrain info runs/lenet-3bit            (the same; a run folder)\n") {
    options.argument("MODEL", model_, "a packed model.bgm, or a run folder that holds one").require();
  }

  int run() override {
    const std::string path = std::filesystem::is_directory(model_) ? model_ + "/model.bgm" : model_;
    const deploy::IntegerNetwork network = load_packed(path);
    const deploy::Value& in = network.values[0];
    const NetworkSummary summary = summarize_network(network);
    const auto bytes = static_cast<double>(std::filesystem::file_size(path));
    say(path + ": " + (network.name.empty() ? "a network" : network.name) + " in " +
        (network.arithmetic == deploy::Arithmetic::kInteger ? "integer" : "float (weights only)") + " arithmetic");
    say(detail::concat("takes images of ", in.height, " x ", in.width, " x ", in.channels, ", gives ",
                       network.values[static_cast<std::size_t>(network.output())].numel(), " logits",
                       network.classes.empty() ? "" : ": " + list(network.classes)));
    say("\n" + to_text(summary));
    const NetworkTotals& t = summary.totals;
    const double float_bytes = 4.0 * static_cast<double>(t.weights);
    say("weights " + bytes_text(static_cast<double>(t.payload_bytes)) + " (" + bytes_text(float_bytes) +
        " as 32-bit floats, " + fixed_text(float_bytes / static_cast<double>(t.payload_bytes), 1) +
        " times more); file " + bytes_text(bytes) + "; " + fixed_text(static_cast<double>(t.macs) * 1e-6, 2) +
        " million multiply-accumulates, " + fixed_text(static_cast<double>(t.bitops) * 1e-9, 3) +
        " G BitOps per image");
    if (network.arithmetic == deploy::Arithmetic::kInteger)
      say(detail::concat("without a heap (bitgrain/engine.hpp, ArenaEngine): an arena of ",
                         deploy::arena_bytes(deploy::pack_model(network)), " bytes for one image at a time"));
    return kSuccess;
  }

 private:
  static std::string list(const std::vector<std::string>& classes) {
    constexpr std::size_t kShown = 12;
    std::string text;
    for (std::size_t i = 0; i < classes.size() && i < kShown; ++i) text += (i > 0 ? ", " : "") + classes[i];
    return text + (classes.size() > kShown ? ", ..." : "");
  }
  std::string model_;
};

}  // namespace

std::unique_ptr<Command> make_info() { return std::make_unique<Info>(); }

}  // namespace cli
