#pragma once

#include "bitgrain/models/resnet_cifar.hpp"
#include "bitgrain/nn/initialize.hpp"
#include "bitgrain/quant/quant_layers.hpp"
#include "bitgrain/search/search.hpp"
#include "synthetic_images.hpp"

/// A small residual network trained in float on the synthetic task: what searches start from.
struct SearchFixture {
  SearchFixture() {
    initialize<float>(net, 3);
    bitgrain::finetune(net, search_data, {.epochs = 3, .learning_rate = 0.05, .batch_size = 16, .augmentation = {}},
                       1, {});
    options.finetune = {.epochs = 2, .learning_rate = 0.02, .batch_size = 16, .augmentation = {}};
  }
  std::vector<float> weights() const {
    std::vector<float> all;
    for (const auto& p : net.parameters())
      if (p.name.ends_with(".weight"))
        all.insert(all.end(), p.var.value().values().begin(), p.var.value().values().end());
    return all;
  }

  bitgrain::ImageDataset train = synthetic_images(256, 1), test = synthetic_images(100, 2);
  bitgrain::InputEncoding encoding = bitgrain::InputEncoding::unsigned_bytes(1);
  bitgrain::SearchData search_data{train, encoding, &test};
  bitgrain::ResNetCifar<bitgrain::AnyLayers<>> net{{.depth = 8, .image = {8, 8, 1}, .classes = 4, .base_width = 4}};
  bitgrain::SearchOptions options;
};
