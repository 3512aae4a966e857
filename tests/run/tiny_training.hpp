#pragma once

#include "bitgrain/nn/flatten.hpp"
#include "bitgrain/nn/initialize.hpp"
#include "bitgrain/optim/sgd.hpp"
#include "bitgrain/quant/lsq.hpp"
#include "bitgrain/quant/qlayers.hpp"
#include "bitgrain/quant/qrelu.hpp"
#include "bitgrain/train/trainer.hpp"

/// A quantized network of two layers on 40 images of 4x4 pixels, 8 per batch: trains in a millisecond.
struct TinyTraining {
  class Net final : public bitgrain::Module<float> {
   public:
    Net()
        : first_(weights(), bitgrain::Lsq<float>(weights()), 16, 8),
          act_(
              bitgrain::QuantizerSpec{bitgrain::QuantRole::kActivations, 4, 1, bitgrain::Grid::kUnsigned, false, ""}),
          second_(weights(), bitgrain::Lsq<float>(weights()), 8, 2) {
      register_module("flatten", flatten_);
      register_module("first", first_);
      register_module("act", act_);
      register_module("second", second_);
    }
    bitgrain::Var<float> forward(const bitgrain::Var<float>& x) override {
      return second_(act_(first_(flatten_(x))));
    }

   private:
    static bitgrain::QuantizerSpec weights() {
      return {bitgrain::QuantRole::kWeights, 3, 1, bitgrain::Grid::kSigned, false, ""};
    }
    bitgrain::Flatten<float> flatten_;
    bitgrain::QLinear<bitgrain::Lsq> first_;
    bitgrain::QReLU<bitgrain::Lsq> act_;
    bitgrain::QLinear<bitgrain::Lsq> second_;
  };

  explicit TinyTraining(int epochs) {
    bitgrain::initialize(net, 1);
    options.epochs = epochs;
  }
  static bitgrain::ImageDataset make_data() {
    bitgrain::ImageDataset d{
        bitgrain::Tensor<std::uint8_t>(bitgrain::Shape{40, 4, 4, 1}), {}, {"dark", "bright"}, "tiny"};
    for (std::int64_t i = 0; i < 40 * 16; ++i)
      d.images.mutable_data()[i] = static_cast<std::uint8_t>((i * 37 + i / 16 % 2 * 9000) % (i / 16 % 2 ? 256 : 100));
    for (int i = 0; i < 40; ++i) d.labels.push_back(i % 2);
    return d;
  }
  bitgrain::Trainer& trainer() {
    if (!made)
      made = std::make_unique<bitgrain::Trainer>(net, optimizer, bitgrain::ConstantLr{0.05}, loader, options);
    return *made;
  }

  Net net;
  bitgrain::ImageDataset data = make_data();
  bitgrain::BatchLoader loader{data, bitgrain::InputEncoding::unsigned_bytes(1),
                               bitgrain::LoaderOptions::training(8, 1)};
  bitgrain::Sgd<float> optimizer{net.parameters(), {.learning_rate = 0.05, .momentum = 0.9, .groups = {}}};
  bitgrain::TrainOptions options;
  std::unique_ptr<bitgrain::Trainer> made;
};
