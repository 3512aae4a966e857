#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/nn/module.hpp"

namespace bitgrain {

/// What a network consists of, for one image: a row per module that holds parameters of its own.
struct ModelSummary {
  struct Layer {
    std::string name, kind;  ///< full name; describe()
    Shape output;            ///< of one image; empty when the layer did not run
    std::int64_t parameters = 0;
    std::int64_t macs = 0;  ///< multiply-accumulates of one image, zero padding counted
  };
  std::vector<Layer> layers;
  std::int64_t parameters = 0, macs = 0;

  /// A table with a line per layer and the totals. One multiply-accumulate is 2 FLOPs.
  std::string text() const {
    std::vector<std::vector<std::string>> rows{{"layer", "kind", "output", "parameters", "MACs"}};
    for (const Layer& l : layers)
      rows.push_back({l.name, l.kind, l.output.rank() > 0 ? l.output.to_string() : "-", std::to_string(l.parameters),
                      std::to_string(l.macs)});
    rows.push_back({"total", "", "", std::to_string(parameters), std::to_string(macs)});
    std::vector<std::size_t> widths(rows[0].size(), 0);
    for (const auto& row : rows)
      for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    std::string out;
    for (const auto& row : rows) {
      std::string line;
      for (std::size_t i = 0; i < row.size(); ++i) {
        const std::string space(widths[i] - row[i].size(), ' ');
        line += (i > 0 ? "  " : "") + (i < 3 ? row[i] + space : space + row[i]);  // text left, numbers right
      }
      out += line + "\n";
    }
    return out;
  }
};

/// Runs one forward pass of zeros in evaluation mode on an image of shape `image` ([H,W,C], or [K] for a network of
/// linear layers) and counts. Training mode is as before afterwards.
template <class T>
ModelSummary summarize(Module<T>& model, const Shape& image) {
  std::vector<std::pair<Module<T>*, bool>> modes;  // parents before children, so that restoring in order is right
  model.for_each_module([&modes](Module<T>& m) { modes.emplace_back(&m, m.training()); });
  model.set_training(false);
  Trace<T> trace;
  {
    const NoGrad no_grad;
    Shape batch{1};
    for (int i = 0; i < image.rank(); ++i) batch.append(image[i]);
    model(Var<T>(Tensor<T>(batch, T{0})));
  }
  for (auto& [module, mode] : modes) module->set_training(mode);

  std::map<std::string, ModelSummary::Layer> layers;
  for (const auto& [module, mode] : modes) layers[module->name()] = {module->name(), module->describe(), {}, 0, 0};
  for (const auto& p : model.parameters()) {
    std::string owner = p.name;  // a parameter's own name may have dots: cut until a module is left
    do {
      const auto dot = owner.rfind('.');
      owner = dot == std::string::npos ? "" : owner.substr(0, dot);
    } while (!layers.contains(owner));
    layers[owner].parameters += p.var.numel();
  }
  for (const auto& record : trace.records) {
    auto& layer = layers[record.layer];
    layer.output = {};
    for (int i = 1; i < record.output.shape().rank(); ++i) layer.output.append(record.output.shape()[i]);
    if (record.op == "conv2d" || record.op == "linear") layer.macs += record.attributes.conv.macs();
  }

  ModelSummary summary;
  for (const auto& [module, mode] : modes) {
    const auto& layer = layers[module->name()];
    summary.parameters += layer.parameters;
    summary.macs += layer.macs;
    if (layer.parameters > 0) summary.layers.push_back(layer);
  }
  return summary;
}

}  // namespace bitgrain
