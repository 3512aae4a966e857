// Checks a packed model in a process of its own: runs the engine and the scalar interpreter on the raw bytes of every
// test image, compares every code of every tensor, prints what the model is made of, and completes the quick start's
// summary.json if there is one.
//
//   verify_model MODEL.bgm [DIR of the MNIST sample] [SUMMARY.json [START]]     (START: in seconds since the epoch)

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <map>

#include "bitgrain/data/data.hpp"
#include "bitgrain/deploy/verify.hpp"
#include "bitgrain/engine.hpp"
#include "bitgrain/run/json_file.hpp"

using namespace bitgrain;

namespace {

// Layer, weight bits, activation bits of what the layer's requantization makes, bytes.
void print_layers(const deploy::IntegerNetwork& network) {
  std::map<int, int> bits_made_from;  // accumulator to the bits of the codes that it ends in
  for (const deploy::Op& op : network.ops)
    if (const auto* requantize = std::get_if<deploy::RequantizeOp>(&op))
      for (const deploy::Term& term : requantize->terms)
        bits_made_from[term.value] = network.values[static_cast<std::size_t>(requantize->output)].bits;
  std::printf("%-24s %8s %12s %16s %10s\n", "layer", "weights", "weight bits", "activation bits", "bytes");
  for (const deploy::Op& op : network.ops) {
    const auto* conv = std::get_if<deploy::ConvOp>(&op);
    if (!conv) continue;
    const int out = bits_made_from[conv->output];
    std::printf("%-24s %8zu %12d %16s %10lld\n", conv->layer.c_str(), conv->weights.codes.size(), conv->weights.bits,
                out == 32 ? "logits" : std::to_string(out).c_str(),
                static_cast<long long>(conv->weights.payload_bytes()));
  }
}

}  // namespace

int main(int argc, char** argv) try {
  BITGRAIN_CHECK(argc >= 2, "usage: verify_model MODEL.bgm [DIR] [SUMMARY.json [START]]");
  const deploy::IntegerNetwork network = deploy::load_packed_model(argv[1]);
  const ImageDataset test = load_dataset("mnist-sample", argc > 2 ? argv[2] : "examples/data/mnist").test;

  const deploy::Verification verified = deploy::verify(network, test.images.data(), test.size());
  const std::vector<std::int32_t> classes = deploy::Engine(network).predict(test.images.data(), test.size());
  std::int64_t correct = 0, weights = 0;
  for (std::size_t i = 0; i < classes.size(); ++i) correct += classes[i] == test.labels[i];
  for (const deploy::Op& op : network.ops)
    if (const auto* conv = std::get_if<deploy::ConvOp>(&op))
      weights += static_cast<std::int64_t>(conv->weights.codes.size());
  const double accuracy = static_cast<double>(correct) / static_cast<double>(test.size());
  const auto model_bytes = static_cast<std::int64_t>(std::filesystem::file_size(argv[1]));

  std::printf("\n");
  print_layers(network);
  std::printf("\n%lld codes of %lld images compared with the interpreter, %lld differ\n",
              static_cast<long long>(verified.codes), static_cast<long long>(test.size()),
              static_cast<long long>(verified.mismatched));
  Json summary;
  if (argc > 3) {
    summary = read_json_file(argv[3]);
    std::printf("accuracy: float %.2f %%, quantized %.2f %%, integer %.2f %%\n",
                100 * summary.at("float_accuracy").get<double>(),
                100 * summary.at("quantized_accuracy").get<double>(), 100 * accuracy);
  }
  std::printf(
      "weights: %lld bytes as 32-bit floats, %lld packed (%.2f bits on average, %.1f times smaller); model file %lld "
      "bytes\n",
      static_cast<long long>(4 * weights), static_cast<long long>(network.payload_bytes()),
      8.0 * static_cast<double>(network.payload_bytes()) / static_cast<double>(weights),
      4.0 * static_cast<double>(weights) / static_cast<double>(network.payload_bytes()),
      static_cast<long long>(model_bytes));
  if (argc > 3) {
    BITGRAIN_CHECK(summary.at("integer_accuracy").get<double>() == accuracy, "the packed model's accuracy ", accuracy,
                   " is not the one that was measured before packing");
    summary["mismatched_codes"] = verified.mismatched;
    summary["model_bytes"] = model_bytes;
    if (argc > 4) summary["seconds"] = std::difftime(std::time(nullptr), std::atoll(argv[4]));
    write_json_file(argv[3], summary);
  }
  return verified.mismatched == 0 ? 0 : 1;
} catch (const Error& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 1;
}
