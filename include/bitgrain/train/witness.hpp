#pragma once

/// The second witness of the integer network: the training graph in evaluation mode, in double.
///
/// Each quantizer of the double network computes its codes from input codes that are the engine's own, they are
/// compared, and the engine's codes go on. What differs can only be a value that the 31-bit multipliers push across
/// a rounding boundary.

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/deploy/engine.hpp"
#include "bitgrain/train/lower_model.hpp"

namespace bitgrain {

/// Codes of one tensor compared with the double network's.
struct CodeFlips {
  std::string tensor;
  std::int64_t codes = 0, flips = 0;
  std::int64_t largest_difference = 0;
  double share() const { return codes ? static_cast<double>(flips) / static_cast<double>(codes) : 0; }
};

/// One entry per activation tensor, and one for the logits.
struct WitnessReport {
  std::vector<CodeFlips> tensors;
  /// Largest share of flipped codes over the tensors.
  double worst_share() const {
    double worst = 0;
    for (const auto& t : tensors) worst = std::max(worst, t.share());
    return worst;
  }
  std::int64_t largest_difference() const {
    std::int64_t largest = 0;
    for (const auto& t : tensors) largest = std::max(largest, t.largest_difference);
    return largest;
  }
};

namespace detail {
class CodeComparison final : public QuantObserver<double> {
 public:
  explicit CodeComparison(const deploy::IntegerNetwork& network) : network_(network) {
    for (std::size_t v = 0; v < network.values.size(); ++v) value_of_[network.values[v].name] = v;
  }
  /// The engine's codes of the images that the double network sees next: [image][value][code].
  std::vector<std::vector<std::vector<std::int32_t>>> engine;

  Var<double> observe(const QuantSite<double>& site, const Var<double>&, const Var<double>& y) override {
    if (site.is_weight() || !y.quant()) return y;
    const auto found = value_of_.find(site.site_name());
    BITGRAIN_CHECK(found != value_of_.end(), "the integer network has no tensor '", site.site_name(), "'");
    const deploy::Value& value = network_.values[found->second];
    const QTensor mine = y.codes();
    Tensor<double> theirs(y.shape());
    const std::int64_t per_image = value.numel();
    CodeFlips& flips = entry(value.name);
    double* out = theirs.mutable_data();
    for (std::size_t i = 0; i < engine.size(); ++i) {
      for (std::int64_t k = 0; k < per_image; ++k, ++out) {
        const std::int32_t code = engine[i][found->second][static_cast<std::size_t>(k)];
        compare(flips, mine.codes[static_cast<std::int64_t>(i) * per_image + k], code);
        *out = value.step * (code - value.zero_point);
      }
    }
    Var<double> replaced(std::move(theirs));
    replaced.set_quant(y.quant());
    return replaced;
  }
  void compare_logits(const Tensor<double>& logits) {
    const auto at = static_cast<std::size_t>(network_.output());
    CodeFlips& flips = entry("logits");
    const std::int64_t classes = network_.values[at].numel();
    for (std::size_t i = 0; i < engine.size(); ++i)
      for (std::int64_t k = 0; k < classes; ++k)
        compare(flips,
                static_cast<std::int64_t>(
                    std::floor(logits[static_cast<std::int64_t>(i) * classes + k] / network_.values[at].step + 0.5)),
                engine[i][at][static_cast<std::size_t>(k)]);
  }
  WitnessReport report;

 private:
  CodeFlips& entry(const std::string& name) {
    for (auto& t : report.tensors)
      if (t.tensor == name) return t;
    report.tensors.push_back({name});
    return report.tensors.back();
  }
  static void compare(CodeFlips& flips, std::int64_t mine, std::int64_t theirs) {
    ++flips.codes;
    flips.flips += mine != theirs;
    flips.largest_difference = std::max(flips.largest_difference, std::abs(mine - theirs));
  }
  const deploy::IntegerNetwork& network_;
  std::map<std::string, std::size_t> value_of_;
};
}  // namespace detail

/// Compares the engine with `twin`, the same model in double with the same state (nn/copy_state.hpp), on `images`
/// [N,H,W,C]. Left in evaluation mode. Integer arithmetic only.
inline WitnessReport compare_with_double(Module<double>& twin, const deploy::IntegerNetwork& network,
                                         const InputEncoding& encoding, const Tensor<std::uint8_t>& images) {
  twin.set_training(false);
  const NoGrad no_grad;
  const deploy::Engine engine(network);
  detail::CodeComparison comparison(network);
  const std::int64_t bytes = network.values[0].numel();
  constexpr std::int64_t kBatch = 50;
  for (std::int64_t begin = 0; begin < images.shape()[0]; begin += kBatch) {
    const Tensor<std::uint8_t> batch = images.slice(begin, std::min(begin + kBatch, images.shape()[0]));
    const std::int64_t count = batch.shape()[0];
    comparison.engine.assign(static_cast<std::size_t>(count), {});
    parallel_for(count, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i)
        comparison.engine[static_cast<std::size_t>(i)] = engine.run_all_values(batch.data() + i * bytes);
    });
    comparison.compare_logits(twin(encode_images<double>(batch, encoding)).value());
  }
  return comparison.report;
}

}  // namespace bitgrain
