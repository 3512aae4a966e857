#pragma once

/// The instance of LIMPQ's integer program that its authors published, from tests/search/data.

#include <fstream>
#include <string>
#include <vector>

#include "bitgrain/base/check.hpp"
#include "bitgrain/search/limpq_program.hpp"

namespace bitgrain::testing {

inline const std::vector<int> kLimpqBits = {6, 5, 4, 3, 2};

/// Indicators, weights and MACs of the 52 layers between ResNet-50's first convolution and its last layer.
inline std::vector<LimpqLayer> limpq_resnet50_layers() {
  std::ifstream file(std::string(BITGRAIN_SOURCE_DIR) + "/tests/search/data/limpq_resnet50.txt");
  std::vector<LimpqLayer> layers;
  for (std::string name; file >> name;) {
    if (name.starts_with('#')) {
      std::getline(file, name);
      continue;
    }
    LimpqLayer layer{name, 0, 0, std::vector<double>(5), std::vector<double>(5)};
    file >> layer.weights >> layer.macs;
    for (double& step : layer.weight_steps) file >> step;
    for (double& step : layer.activation_steps) file >> step;
    layers.push_back(layer);
  }
  BITGRAIN_CHECK(layers.size() == 52, "expected 52 layers, got ", layers.size());
  return layers;
}

/// The program of the published command: weight level 3, activation level 4, compression 12.2.
inline MckpProblem limpq_resnet50_program() {
  const auto layers = limpq_resnet50_layers();
  constexpr std::int64_t kFixedWeights = 64 * 3 * 7 * 7 + 2048 * 1000;  // first convolution and last layer
  return limpq_program(layers, kLimpqBits, limpq_limits(layers, 3, 4, 12.2, kFixedWeights));
}

}  // namespace bitgrain::testing
