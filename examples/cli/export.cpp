// bitgrain export

#include <filesystem>

#include "bitgrain/deploy/packed_model.hpp"
#include "bitgrain/run/checkpoint.hpp"
#include "bitgrain/run/model_file.hpp"
#include "bitgrain/run/npy.hpp"
#include "bitgrain/run/safetensors.hpp"
#include "command.hpp"
#include "network.hpp"

namespace cli {

using namespace bitgrain;

namespace {

class Export final : public Command {
 public:
  Export()
      : Command(
            "export", "Write a network for other programs: packed file, safetensors, or .npy files.",
            "  bitgrain export runs/lenet-3bit --to bgm --out lenet.bgm\n"
            "  bitgrain export runs/lenet-3bit/model.bgm --to safetensors --out codes.safetensors\n"
            "  bitgrain export runs/lenet --to npy --out lenet-weights/\n"
            "  bitgrain export runs/lenet --to safetensors --layout pytorch --out lenet.safetensors\n\n"
            "From a network come the float parameters by name; with --layout pytorch as the state_dict of modules\n"
            "with these names, without quantizers. From a packed model come the integer codes of the weights as "
            "int8\n"
            "[out, kh, kw, in] with their step, where the file has it.\n") {
    options
        .argument("MODEL", model_, "model.safetensors, a run folder (its model.safetensors), or a packed model.bgm")
        .require();
    options.group("Result");
    options.choice("--to", format_, {"bgm", "safetensors", "npy"}, "the format").require();
    options.text("--out", out_, "PATH", "the file to write; for npy a folder").require();
    weights_.declare(options, false);
    options.flag("--force", force_, "replace what is there");
  }

  int run() override {
    BITGRAIN_CHECK(force_ || !std::filesystem::exists(out_), "--out: '", out_,
                   "' exists; give --force to replace it");
    const bool packed = model_.ends_with(".bgm");
    if (format_ == "bgm") {
      BITGRAIN_CHECK(!packed, "'", model_, "' is packed already");
      Network network = load_network(model_);
      const auto lowered = lower_network(network);
      BITGRAIN_CHECK(lowered.has_value(), "'", model_,
                     "' has float weights; quantize it first (bitgrain calibrate, or train --method lsq --init)");
      deploy::save_packed_model(*lowered, out_);
      say("wrote " + out_);
      return kSuccess;
    }
    const bool pytorch = weights_.layout == "pytorch";
    if (pytorch && packed)
      throw UsageError("--layout pytorch: '" + model_ + "' holds codes; give the trained network");
    const SafetensorsFile tensors = pytorch  ? state_dict_of(load_network(model_))
                                    : packed ? codes_of(load_packed(model_))
                                             : read_network_file(network_file(model_));
    if (format_ == "npy")
      write_npy_folder(tensors);
    else
      write_copy(tensors);
    return kSuccess;
  }

 private:
  // What torch's load_state_dict takes, "num_batches_tracked" included.
  static SafetensorsFile state_dict_of(const Network& network) {
    constexpr std::string_view kMean = "running_mean";
    SafetensorsWriter writer;
    for (const auto& [name, tensor] : pytorch_weights(network)) {
      writer.add(name, tensor);
      if (name.ends_with(kMean))
        writer.add(name.substr(0, name.size() - kMean.size()) + "num_batches_tracked",
                   Tensor<std::int64_t>(Shape{}, std::int64_t{0}));
    }
    writer.set_metadata("format", "pt");
    return SafetensorsFile(writer.bytes(), "weights");
  }
  // The weights of a packed model: "<layer>.codes", "<layer>.step".
  static SafetensorsFile codes_of(const deploy::IntegerNetwork& network) {
    SafetensorsWriter writer;
    Json bits = Json::object();
    for (const deploy::Op& op : network.ops) {
      const auto* conv = std::get_if<deploy::ConvOp>(&op);
      if (!conv) continue;
      const ConvGeometry& g = conv->geometry;
      writer.add(conv->layer + ".codes",
                 Tensor<std::int8_t>(Shape{g.out_channels, g.window.kernel_h, g.window.kernel_w, g.group_in()},
                                     std::span(conv->weights.codes)));
      const auto& step = conv->weights.step;
      if (!step.empty())
        writer.add(conv->layer + ".step",
                   Tensor<float>(Shape{static_cast<std::int64_t>(step.size())}, std::span(step)));
      bits[conv->layer] = conv->weights.bits;
    }
    writer.set_metadata("format", "bitgrain codes 1");
    writer.set_metadata("weight_bits", bits.dump());
    return SafetensorsFile(writer.bytes(), "codes");
  }
  void write_copy(const SafetensorsFile& tensors) const {
    SafetensorsWriter writer;
    for (const auto& [key, value] : tensors.metadata()) writer.set_metadata(key, value);
    for (const SafetensorsEntry& e : tensors.entries()) writer.add(e.name, e.dtype, e.shape, tensors.bytes(e));
    writer.save(out_);
    say("wrote " + std::to_string(tensors.entries().size()) + " tensors to " + out_);
  }
  void write_npy_folder(const SafetensorsFile& tensors) const {
    std::error_code error;
    std::filesystem::create_directories(out_, error);
    BITGRAIN_CHECK(!error && std::filesystem::is_directory(out_), "--out: the folder '", out_, "' cannot be made");
    for (const SafetensorsEntry& e : tensors.entries()) {
      const std::string path = out_ + "/" + e.name + ".npy";
      if (e.dtype == "I8")
        write_npy(path, tensors.tensor<std::int8_t>(e.name));
      else if (e.dtype == "I64")
        write_npy(path, tensors.tensor<std::int64_t>(e.name));
      else
        write_npy(path, tensors.tensor<float>(e.name));
    }
    say("wrote " + std::to_string(tensors.entries().size()) + " files to " + out_);
  }

  std::string model_, format_, out_;
  WeightOptions weights_;
  bool force_ = false;
};

}  // namespace

std::unique_ptr<Command> make_export() { return std::make_unique<Export>(); }

}  // namespace cli
