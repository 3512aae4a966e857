// bitgrain cost

#include "bitgrain/search/cost.hpp"

#include <cstdio>

#include "bitgrain/run/table.hpp"
#include "command.hpp"
#include "network.hpp"

namespace cli {

using namespace bitgrain;

namespace {

class Cost final : public Command {
 public:
  Cost()
      : Command("cost", "Show what a network costs with given bits, without training it.",
                "  bitgrain cost --model resnet20 --wbits 4 --abits 4\n"
                "  bitgrain cost --model resnet20 --wbits 2 --abits 2 --measure\n"
                "  bitgrain cost --model resnet8 --image 28x28x1 --bits runs/mine/allocation.json\n") {
    model_.declare(options);
    options.text("--image", image_, "HxWxC", "size of the images");
    options.whole("--classes", classes_, 2, 65536, "number of classes");
    quant_.declare(options, {});
    options.group("Latency");
    options.flag("--measure", measure_, "measure on this machine how long the layers take, one image alone");
    options.text("--latencies", latencies_, "FILE", "the same by times that bench --all-bits or a search wrote");
  }

  int run() override {
    const ModelSpec spec{model_.model, parse_image(), classes_, model_.shortcut};
    quant_.method = "lsq";
    Network network = new_network(spec, quant_, InputEncoding::unsigned_bytes(spec.image[2]),
                                  std::vector<std::string>(static_cast<std::size_t>(classes_)), 1);
    if (measure_ && !latencies_.empty()) throw UsageError("give --measure or --latencies, not both");
    NetworkCosts costs = network_costs(network);
    const Allocation& bits = network.spec.quantization.allocation;
    if (measure_) measure_latencies(network, costs, bits);
    if (!latencies_.empty()) read_latencies(costs, latencies_);
    say(spec.text());
    Table table({{"layer", Align::kLeft},
                 {"weights"},
                 {"bits"},
                 {"reads", Align::kLeft},
                 {"bits"},
                 {"bytes"},
                 {"MACs"},
                 {"BitOps"},
                 {"us"}});
    for (const LayerCost& layer : costs.layers) {
      const int weight_bits = NetworkCosts::weight_bits(layer, bits);
      const int input_bits = input_bits_of(costs, layer, bits);
      table.add({layer.name, count_text(layer.weights), std::to_string(weight_bits), layer.input_tensor,
                 std::to_string(input_bits), count_text(packed_bytes(layer.weights, weight_bits)),
                 count_text(layer.macs), count_text(layer.macs * weight_bits * input_bits),
                 costs.has_latencies()
                     ? fixed_text(seconds_of(picoseconds_of(layer, weight_bits, input_bits)) * 1e6, 2)
                     : "-"});
    }
    const AllocationCosts total = costs_of(costs, bits);
    table.add_rule();
    table.add({"total", count_text(total.weights), fixed_text(total.average_weight_bits, 2), "", "",
               count_text(total.payload_bytes), count_text(total.macs), count_text(total.bitops),
               total.latency ? fixed_text(*total.latency * 1e6, 2) : "-"});
    say(table.text());
    if (total.latency)
      say("us: one image alone on one thread; " + fixed_text(seconds_of(costs.between_picoseconds) * 1e6, 2) +
          " of the total between the layers");
    say("activations of one image: " + bytes_text(static_cast<double>(total.activation_sum)) +
        " in all, largest tensor " + bytes_text(static_cast<double>(total.activation_max)) + ", alive at once " +
        bytes_text(static_cast<double>(total.activation_peak)) + "; model file at most " +
        count_text(total.model_bytes) + " bytes");
    return kSuccess;
  }

 private:
  Shape parse_image() const {
    int height = 0, width = 0, channels = 0, end = 0;
    if (std::sscanf(image_.c_str(), "%5dx%5dx%5d%n", &height, &width, &channels, &end) != 3 ||
        static_cast<std::size_t>(end) != image_.size() || height < 1 || width < 1 || channels < 1)
      throw UsageError("--image: expected HEIGHTxWIDTHxCHANNELS such as 32x32x3, got '" + image_ + "'");
    return {height, width, channels};
  }
  static int input_bits_of(const NetworkCosts& costs, const LayerCost& layer, const Allocation& bits) {
    for (const TensorCost& tensor : costs.tensors)
      if (tensor.name == layer.input_tensor) return NetworkCosts::tensor_bits(tensor, bits);
    return 32;
  }

  ModelOptions model_;
  QuantOptions quant_;
  std::string image_ = "32x32x3";
  std::int64_t classes_ = 10;
  bool measure_ = false;
  std::string latencies_;
};

}  // namespace

std::unique_ptr<Command> make_cost() { return std::make_unique<Cost>(); }

}  // namespace cli
