#pragma once

/// Networks as the commands handle them: made from options, loaded from files, evaluated, lowered.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/data/dataset.hpp"
#include "bitgrain/deploy/integer_network.hpp"
#include "bitgrain/nn/module.hpp"
#include "bitgrain/run/network_spec.hpp"
#include "bitgrain/run/run_folder.hpp"
#include "bitgrain/search/cost.hpp"
#include "shared_options.hpp"

namespace cli {

/// A network over AnyLayers and what rebuilds it.
struct Network {
  bitgrain::NetworkSpec spec;
  std::unique_ptr<bitgrain::Module<float>> model;
};

// --- network.cpp: everything that instantiates models -------------------------------------------------------

/// A network with weights drawn from `seed` and quantizers as `quant` asks for.
Network new_network(const bitgrain::ModelSpec& model, const QuantOptions& quant,
                    const bitgrain::InputEncoding& encoding, const std::vector<std::string>& classes,
                    std::uint64_t seed);
/// Exchanges the quantizers of `network` for those that `quant` asks for; weights stay.
void requantize(Network& network, const QuantOptions& quant);
/// A network from model.safetensors, from a checkpoint, or from the run folder that holds one.
Network load_network(const std::string& path);
/// Takes the tensors of another network of the same architecture; quantizer steps only if both are quantized alike.
/// Returns what it did, for people.
std::string load_initial(Network& network, const std::string& path);
/// Takes the float weights of a network from elsewhere (run/import_weights.hpp); `layout` is "bitgrain" or "pytorch".
/// Returns what it did, for people.
std::string load_weights(Network& network, const std::string& path, const std::string& layout);
/// The float weights of `network`, by name, in PyTorch's layout.
std::vector<std::pair<std::string, bitgrain::Tensor<float>>> pytorch_weights(const Network& network);
/// The same network with the same numbers in double.
std::unique_ptr<bitgrain::Module<double>> double_twin(const Network& network);
/// Path of the file that `path` (file or run folder) means: model.safetensors, or the checkpoint of a run that is not
/// finished.
std::string network_file(const std::string& path);

// --- evaluation.cpp: everything that lowers and runs the engine
// ------------------------------------------------------

/// What evaluation found. (train/evaluate.hpp has more; its header is large.)
struct Score {
  double accuracy = 0, loss = 0;
  std::string arithmetic;  ///< "float graph", "integer engine", "float engine (weights only)"
};
/// The engine if the network emits codes, else the float graph.
Score evaluate_network(Network& network, const bitgrain::ImageDataset& images);
/// The training graph in evaluation mode: fake quantization.
Score evaluate_fake_quantized(Network& network, const bitgrain::ImageDataset& images);
/// A packed network, on the engine, with kernels by the times in the file `kernels` (those that ship if it is empty).
Score evaluate_packed(const bitgrain::deploy::IntegerNetwork& network, const bitgrain::ImageDataset& images,
                      const std::string& kernels);
/// The lowered network; nothing while some weights are float.
std::optional<bitgrain::deploy::IntegerNetwork> lower_network(Network& network);
/// A packed model file.
bitgrain::deploy::IntegerNetwork load_packed(const std::string& path);
/// Throws Error, saying what the model takes, if its images are of another size.
void check_images(const bitgrain::deploy::IntegerNetwork& network, const bitgrain::ImageDataset& images);
void check_images(const bitgrain::ModelSpec& model, const bitgrain::ImageDataset& images);

/// The logits of one image [H,W,C]; `kernels` as above.
std::vector<float> classify(const bitgrain::deploy::IntegerNetwork& network,
                            const bitgrain::Tensor<std::uint8_t>& image, const std::string& kernels);
/// Lets the quantizers of `network` find their ranges on `images`, in batches; nothing is trained.
void gather_ranges(Network& network, const bitgrain::ImageDataset& images, std::int64_t batch);
/// The cost model's view of `network`.
bitgrain::NetworkCosts network_costs(Network& network);

/// Engine against interpreter, every code of every value of every image.
struct Comparison {
  std::int64_t codes = 0, mismatched = 0;
};
Comparison compare_with_interpreter(const bitgrain::deploy::IntegerNetwork& network,
                                    const bitgrain::ImageDataset& images, const std::string& kernels);

/// A layer of a packed network with every kernel that can run it, and the one the engine takes.
struct LayerTiming {
  struct Kernel {
    std::string name;
    double single_ns = 0, batched_ns = 0;  ///< per image
  };
  std::string name;
  int weight_bits = 0, input_bits = 0;
  std::vector<Kernel> kernels;
  std::string chosen;
};
struct KernelTimings {
  std::vector<LayerTiming> layers;
  std::int64_t times = 0;  ///< in the table that chose
  double engine_ns = 0;    ///< of the whole engine, one image alone on one thread; 0 without a network
};
struct TimingOptions {
  double seconds = 0.1;  ///< per layer
  bool tune = false;     ///< choose by what is measured now
  std::string kernels;   ///< else by this file; by the times that ship if it is empty
  std::string out;       ///< where the table goes, if anywhere
};
/// Measures the layers of `network`, or, to tune without one, those of common networks.
KernelTimings time_layers(const std::optional<bitgrain::deploy::IntegerNetwork>& network,
                          const TimingOptions& options);

/// Gives the layers of `costs` the times of the kernels in a file, or those measured now at the bits of `allocation`.
/// What measures takes the quantizers of `network` away.
void read_latencies(bitgrain::NetworkCosts& costs, const std::string& file);
void measure_latencies(Network& network, bitgrain::NetworkCosts& costs, const bitgrain::Allocation& allocation);
/// Measures the layers of `costs` at all pairs of 1 to 8 bits, gives them their times and writes these to `out`, if
/// it is not empty. Returns how many there are.
std::int64_t time_all_bits(Network& network, bitgrain::NetworkCosts& costs, double seconds, const std::string& out);

/// Saves model.safetensors and, if the network emits codes, model.bgm into `run`, prints the table of its layers, and
/// adds what it costs to `summary`.
void save_results(Network& network, const bitgrain::RunFolder& run, Json& summary);

/// Engine against the training graph in double, layer by layer on the same input codes.
struct DoubleComparison {
  double worst_share = 0;
  std::int64_t largest_difference = 0;
  std::string worst_tensor;
};
DoubleComparison compare_with_double(Network& network, const bitgrain::deploy::IntegerNetwork& lowered,
                                     const bitgrain::ImageDataset& images);

}  // namespace cli
