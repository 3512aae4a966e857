// bitgrain bench

#include <filesystem>

#include "bitgrain/run/table.hpp"
#include "command.hpp"
#include "network.hpp"
#include "run_header.hpp"

namespace cli {

using namespace bitgrain;

namespace {

class Bench final : public Command {
 public:
  Bench()
      : Command("bench", "Time every kernel that can run a packed model's layers, and say which the engine takes.",
                "  bitgrain bench runs/lenet-3bit/model.bgm\n"
                "  bitgrain bench runs/lenet-3bit --tune --out kernels.json\n"
                "  bitgrain bench runs/resnet20 --all-bits --out kernels.json   (for search --latencies)\n"
                "  bitgrain bench --tune --out kernels.json   (layers of common networks)\n"
                "  bitgrain eval --kernels kernels.json runs/lenet-3bit/model.bgm\n") {
    options.argument(
        "MODEL", model_,
        "a packed model.bgm, or a run folder that holds one; with --all-bits model.safetensors, or a run "
        "folder");
    options.flag("--tune", tune_,
                 "choose by what is measured now; without MODEL, measure few-bit layers of common networks");
    options.flag("--all-bits", all_bits_,
                 "measure the layers at all weight and input bits from 1 to 8, whatever the network has now");
    options.text("--out", out_, "FILE",
                 "write the times that --tune or --all-bits measured, for --kernels, search --latencies and cost "
                 "--latencies");
    options.text("--kernels", kernels_, "FILE", "choose by the times of an earlier --tune, not by those that ship");
    options.group("Run");
    options.real("--seconds", seconds_, 0, 60, "how long to measure each layer");
  }

  int run() override {
    if (model_.empty() && !tune_) throw UsageError("MODEL is missing (or --tune)");
    if (!out_.empty() && !tune_ && !all_bits_)
      throw UsageError("--out is for the times that --tune or --all-bits measures");
    if (all_bits_ && (tune_ || !kernels_.empty())) throw UsageError("--all-bits goes without --tune and --kernels");
    if (tune_ && !kernels_.empty()) throw UsageError("--tune measures what --kernels would read: give one of them");
    print_header();
    if (all_bits_) return run_all_bits();
    std::optional<deploy::IntegerNetwork> network;
    if (!model_.empty())
      network = load_packed(std::filesystem::is_directory(model_) ? model_ + "/model.bgm" : model_);
    const KernelTimings found = time_layers(network, {seconds_, tune_, kernels_, out_});
    if (network) print(found.layers);
    if (network) say("the whole engine, one image alone: " + microseconds(found.engine_ns));
    if (!out_.empty()) say("wrote " + count_text(found.times) + " times to " + out_);
    return kSuccess;
  }

 private:
  int run_all_bits() {
    Network network = load_network(model_);
    NetworkCosts costs = network_costs(network);
    const std::int64_t times = time_all_bits(network, costs, options.given("--seconds") ? seconds_ : 0.02, out_);
    Table table(
        {{"layer", Align::kLeft}, {"w8 a8"}, {"w4 a4"}, {"w3 a3"}, {"w2 a4"}, {"w2 a2"}, {"w1 a2"}, {"w1 a1"}});
    for (const LayerCost& layer : costs.layers) {
      std::vector<std::string> cells = {layer.name};
      int fixed_bits = 0;  // of its input
      for (const TensorCost& tensor : costs.tensors)
        if (tensor.name == layer.input_tensor) fixed_bits = tensor.fixed_bits;
      for (const auto& [weight_bits, input_bits] : {std::pair{8, 8}, {4, 4}, {3, 3}, {2, 4}, {2, 2}, {1, 2}, {1, 1}})
        cells.push_back(microseconds(
            static_cast<double>(picoseconds_of(layer, weight_bits, fixed_bits > 0 ? fixed_bits : input_bits)) /
            1000));
      table.add(cells);
    }
    say("microseconds of one image alone, on one thread, at some of the bits (inputs of fixed bits keep them)");
    say(table.text());
    say("between the layers: " + microseconds(static_cast<double>(costs.between_picoseconds) / 1000));
    if (!out_.empty()) say("wrote " + count_text(times) + " times to " + out_);
    return kSuccess;
  }
  static void print(const std::vector<LayerTiming>& layers) {
    Table table({{"layer", Align::kLeft},
                 {"weight bits"},
                 {"input bits"},
                 {"bytes"},
                 {"packed8"},
                 {"packed_linear"},
                 {"bit_serial"},
                 {"chosen", Align::kLeft}});
    double single = 0, batched = 0, single_bytes = 0, batched_bytes = 0;
    for (const LayerTiming& layer : layers) {
      std::vector<std::string> cells = {layer.name, std::to_string(layer.weight_bits),
                                        std::to_string(layer.input_bits)};
      for (const char* kernel : {"bytes", "packed8", "packed_linear", "bit_serial"}) {
        std::string cell = "-";
        for (const LayerTiming::Kernel& k : layer.kernels) {
          if (k.name == kernel) cell = microseconds(k.single_ns) + " / " + microseconds(k.batched_ns);
          if (k.name == kernel && k.name == layer.chosen) single += k.single_ns, batched += k.batched_ns;
          if (k.name == kernel && k.name == "bytes") single_bytes += k.single_ns, batched_bytes += k.batched_ns;
        }
        cells.push_back(cell);
      }
      cells.push_back(layer.chosen);
      table.add(cells);
    }
    table.add_rule();
    table.add(
        {"total, bytes", "", "", microseconds(single_bytes) + " / " + microseconds(batched_bytes), "", "", "", ""});
    table.add({"total, chosen", "", "", microseconds(single) + " / " + microseconds(batched), "", "", "", ""});
    say("microseconds per image, alone / in a batch, on one thread");
    say(table.text());
  }
  static std::string microseconds(double ns) { return fixed_text(ns / 1000, 2); }

  std::string model_, out_, kernels_;
  bool tune_ = false, all_bits_ = false;
  double seconds_ = 0.1;
};

}  // namespace

std::unique_ptr<Command> make_bench() { return std::make_unique<Bench>(); }

}  // namespace cli
