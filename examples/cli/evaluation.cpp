// Lowering, the engine and the interpreter: the one place that compiles them.

#include <filesystem>

#include "bitgrain/deploy/packed_model.hpp"
#include "bitgrain/deploy/verify.hpp"
#include "bitgrain/run/model_file.hpp"
#include "bitgrain/run/network_table.hpp"
#include "bitgrain/search/trace_costs.hpp"
#include "bitgrain/train/evaluate.hpp"
#include "command.hpp"
#include "network.hpp"
#include "tuning.hpp"

namespace cli {

using namespace bitgrain;

namespace {
Score score_of(const Evaluation& evaluation) {
  return {evaluation.accuracy(), evaluation.loss, evaluation.arithmetic};
}
}  // namespace

Score evaluate_network(Network& network, const ImageDataset& images) {
  return score_of(evaluate(*network.model, images, network.spec.encoding));
}

Score evaluate_fake_quantized(Network& network, const ImageDataset& images) {
  return score_of(evaluate_graph(*network.model, images, network.spec.encoding));
}

Score evaluate_packed(const deploy::IntegerNetwork& network, const ImageDataset& images, const std::string& kernels) {
  return score_of(evaluate_engine(deploy::Engine(network, kernel_times(kernels)), images));
}

std::optional<deploy::IntegerNetwork> lower_network(Network& network) {
  const Shape& image = network.spec.model.image;
  network.model->set_training(false);
  const Tensor<std::uint8_t> blank(Shape{1, image[0], image[1], image[2]}, std::uint8_t{0});
  if (!emits_codes(*network.model, encode_images<float>(blank, network.spec.encoding))) return {};
  return lower_model(*network.model, network.spec.encoding, image[0], image[1],
                     {network.spec.model.architecture, network.spec.classes});
}

deploy::IntegerNetwork load_packed(const std::string& path) { return deploy::load_packed_model(path); }

void check_images(const deploy::IntegerNetwork& network, const ImageDataset& images) {
  const deploy::Value& in = network.values[0];
  BITGRAIN_CHECK(images.height() == in.height && images.width() == in.width && images.channels() == in.channels,
                 "the model takes images of ", in.height, " x ", in.width, " x ", in.channels, ", those of '",
                 images.name, "' are ", images.height(), " x ", images.width(), " x ", images.channels());
}

void check_images(const ModelSpec& model, const ImageDataset& images) {
  const Shape found = {images.height(), images.width(), images.channels()};
  BITGRAIN_CHECK(found == model.image, "the network takes images of ", model.image, ", those of '", images.name,
                 "' are ", found);
  BITGRAIN_CHECK(images.num_classes() == model.classes, "the network knows ", model.classes, " classes, '",
                 images.name, "' has ", images.num_classes());
}

std::vector<float> classify(const deploy::IntegerNetwork& network, const Tensor<std::uint8_t>& image,
                            const std::string& kernels) {
  const deploy::Engine engine(network, kernel_times(kernels));
  std::vector<float> logits(static_cast<std::size_t>(engine.outputs()));
  engine.run_real(image.data(), 1, logits.data());
  return logits;
}

void gather_ranges(Network& network, const ImageDataset& images, std::int64_t batch) {
  Module<float>& model = *network.model;
  const auto run = [&](std::int64_t begin) {
    const std::int64_t end = std::min(begin + batch, images.size());
    model(encode_images<float>(images.images.slice(begin, end), network.spec.encoding));
  };
  const auto calibrate = [&model](bool on) {
    for (QuantSite<float>* site : quant_sites(model)) site->calibrate(on);
  };
  model.set_training(false);
  const NoGrad no_grad;
  run(0);  // the first pass tells quantizers that this is evaluation; only then calibration can be told
  calibrate(true);
  for (std::int64_t begin = 0; begin < images.size(); begin += batch) run(begin);
  calibrate(false);
}

NetworkCosts network_costs(Network& network) {
  const Shape& image = network.spec.model.image;
  const Tensor<std::uint8_t> blank(Shape{1, image[0], image[1], image[2]}, std::uint8_t{0});
  return trace_costs(*network.model, encode_images<float>(blank, network.spec.encoding));
}

Comparison compare_with_interpreter(const deploy::IntegerNetwork& network, const ImageDataset& images,
                                    const std::string& kernels) {
  const deploy::Verification found =
      deploy::verify(network, images.images.data(), images.size(), kernel_times(kernels));
  return {found.codes, found.mismatched};
}

void save_results(Network& network, const RunFolder& run, Json& summary) {
  save_model_file(run / "model.safetensors", *network.model, network.spec);
  summary["parameters"] = network.model->parameter_count();
  const std::optional<deploy::IntegerNetwork> lowered = lower_network(network);
  if (!lowered) return;
  deploy::save_packed_model(*lowered, run / "model.bgm");
  const NetworkSummary layers = summarize_network(*lowered);
  const auto bytes = static_cast<std::int64_t>(std::filesystem::file_size(run / "model.bgm"));
  say("\n" + to_text(layers));
  const double float_bytes = 4.0 * static_cast<double>(layers.totals.weights);
  say("weights: " + bytes_text(float_bytes) + " as 32-bit floats, " +
      bytes_text(static_cast<double>(layers.totals.payload_bytes)) + " packed (" +
      fixed_text(float_bytes / static_cast<double>(layers.totals.payload_bytes), 1) + " times smaller); " +
      run / "model.bgm" + " has " + count_text(bytes) + " bytes");
  summary["arithmetic"] = lowered->arithmetic == deploy::Arithmetic::kInteger ? "integer" : "float";
  summary["average_weight_bits"] = layers.totals.average_weight_bits();
  summary["distinct_weight_bits"] = layers.totals.distinct_weight_bits;
  summary["payload_bytes"] = layers.totals.payload_bytes;
  summary["model_bytes"] = bytes;
  summary["macs"] = layers.totals.macs;
  summary["bitops"] = layers.totals.bitops;
}

}  // namespace cli
