#pragma once

/// Accuracy. The accuracy of a quantized model is the accuracy of its lowered network: as soon as every weight comes
/// as codes, `evaluate` lowers the model and runs the engine.

#include <algorithm>
#include <cmath>
#include <string>

#include "bitgrain/deploy/engine.hpp"
#include "bitgrain/ops/cross_entropy.hpp"
#include "bitgrain/train/lower_model.hpp"

namespace bitgrain {

/// What evaluation found.
struct Evaluation {
  std::int64_t correct = 0, count = 0;
  double loss = 0;         ///< mean cross-entropy
  std::string arithmetic;  ///< "float graph", "integer engine" or "float engine (weights only)"
  double accuracy() const { return count ? static_cast<double>(correct) / static_cast<double>(count) : 0; }
};

namespace detail {
// Counts hits (ties go to the lowest class) and adds up the cross-entropy of rows of logits.
inline void score(const double* logits, std::int64_t rows, std::int64_t classes, const std::int32_t* labels,
                  Evaluation& result) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const double* row = logits + r * classes;
    const double* best = std::max_element(row, row + classes);
    double sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) sum += std::exp(row[c] - *best);
    result.loss += std::log(sum) + *best - row[labels[r]];
    result.correct += best - row == labels[r];
    ++result.count;
  }
}
}  // namespace detail

/// The training graph in evaluation mode, in floats. The model is left in evaluation mode.
inline Evaluation evaluate_graph(Module<float>& model, const ImageDataset& dataset, const InputEncoding& encoding,
                                 std::int64_t batch_size = 200) {
  model.set_training(false);
  const NoGrad no_grad;
  Evaluation result;
  result.arithmetic = "float graph";
  for (std::int64_t begin = 0; begin < dataset.size(); begin += batch_size) {
    const std::int64_t end = std::min(begin + batch_size, dataset.size());
    const Tensor<double> logits =
        model(encode_images<float>(dataset.images.slice(begin, end), encoding)).value().cast<double>();
    detail::score(logits.data(), end - begin, logits.shape()[-1], dataset.labels.data() + begin, result);
  }
  result.loss /= static_cast<double>(std::max<std::int64_t>(1, result.count));
  return result;
}

/// A lowered network, on the engine. Integer logits are compared as integers.
inline Evaluation evaluate_engine(const deploy::Engine& engine, const ImageDataset& dataset) {
  const deploy::IntegerNetwork& network = engine.network();
  const bool integer = network.arithmetic == deploy::Arithmetic::kInteger;
  BITGRAIN_CHECK(engine.image_bytes() * dataset.size() == dataset.images.numel(), "the network takes images of ",
                 engine.image_bytes(), " bytes, the data set '", dataset.name, "' holds ", dataset.images.shape());
  const std::int64_t count = dataset.size(), classes = engine.outputs();
  std::vector<double> logits(static_cast<std::size_t>(count * classes));
  if (integer) {
    const double step = network.values[static_cast<std::size_t>(network.output())].step;
    std::vector<std::int32_t> codes(logits.size());
    engine.run(dataset.images.data(), count, codes.data());
    std::transform(codes.begin(), codes.end(), logits.begin(), [step](std::int32_t c) { return step * c; });
  } else {
    std::vector<float> real(logits.size());
    engine.run_real(dataset.images.data(), count, real.data());
    std::copy(real.begin(), real.end(), logits.begin());
  }
  Evaluation result;
  result.arithmetic = integer ? "integer engine" : "float engine (weights only)";
  detail::score(logits.data(), count, classes, dataset.labels.data(), result);
  result.loss /= static_cast<double>(std::max<std::int64_t>(1, result.count));
  return result;
}

/// The engine if the model emits codes, the float graph otherwise. The model is left in evaluation mode.
inline Evaluation evaluate(Module<float>& model, const ImageDataset& dataset, const InputEncoding& encoding) {
  model.set_training(false);
  if (!emits_codes(model, encode_images<float>(dataset.images.slice(0, 1), encoding)))
    return evaluate_graph(model, dataset, encoding);
  return evaluate_engine(deploy::Engine(lower_model(model, encoding, dataset.height(), dataset.width())), dataset);
}

}  // namespace bitgrain
