#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/nn/flatten.hpp"
#include "bitgrain/nn/float_layers.hpp"
#include "bitgrain/nn/max_pool2d.hpp"

namespace bitgrain {

struct Vgg7Config {
  Shape image = {32, 32, 3};  ///< [H,W,C], at least 8x8
  std::int64_t classes = 10;
  std::int64_t base_width = 128;  ///< channels of the first two convolutions; the others have 2 and 4 times as many
};

/// VGG-7, 2x(128C3)-MP2-2x(256C3)-MP2-2x(512C3)-MP2-1024FC-Softmax (Louizos et al., "Relaxed quantization", ICLR
/// 2019): 3x3 convolutions with padding 1, batch norm behind each and behind the first linear layer. On CIFAR-10
/// 4,574,592 convolution and 8,398,848 linear weights. Images [N,H,W,C] to logits [N,classes].
template <class L = FloatLayers<>>
class Vgg7 : public Module<typename L::Scalar> {
 public:
  using T = typename L::Scalar;

  explicit Vgg7(const Vgg7Config& config = {}, const typename L::Options& options = {})
      : config_(checked(config)),
        fc1_(options, 4 * config.base_width * (config.image[0] / 8) * (config.image[1] / 8), 8 * config.base_width),
        head_(options, 8 * config.base_width, config.classes) {
    std::int64_t channels = config.image[2];
    for (int i = 0; i < 6; ++i) {
      const std::int64_t out = config.base_width << (i / 2);
      convs_.push_back(std::make_unique<typename L::ConvBnAct>(options, channels, out, Window2d::square(3, 1, 1)));
      channels = out;
      this->register_module("conv" + std::to_string(i + 1), *convs_.back());
      if (i % 2 == 1) {
        pools_.push_back(std::make_unique<MaxPool2d<T>>(2));
        this->register_module("pool" + std::to_string(i / 2 + 1), *pools_.back());
      }
    }
    this->register_module("flatten", flatten_);
    this->register_module("fc1", fc1_);
    this->register_module("head", head_);
  }

  Var<T> forward(const Var<T>& x) override {
    Var<T> y = x;
    for (std::size_t i = 0; i < convs_.size(); ++i) {
      y = (*convs_[i])(y);
      if (i % 2 == 1) y = (*pools_[i / 2])(y);
    }
    return head_(fc1_(flatten_(y)));
  }
  std::string describe() const override {
    return detail::concat("Vgg7(image ", config_.image, ", ", config_.classes, " classes)");
  }
  /// Shape of one image, [H,W,C].
  const Shape& input_shape() const { return config_.image; }
  const Vgg7Config& config() const { return config_; }

 private:
  static const Vgg7Config& checked(const Vgg7Config& config) {
    BITGRAIN_CHECK(config.image.rank() == 3 && config.image[0] >= 8 && config.image[1] >= 8,
                   "Vgg7: images must be [H,W,C] of at least 8x8, got ", config.image);
    BITGRAIN_CHECK(config.base_width >= 1, "Vgg7: the width must be at least 1, got ", config.base_width);
    return config;
  }

  Vgg7Config config_;
  std::vector<std::unique_ptr<typename L::ConvBnAct>> convs_;
  std::vector<std::unique_ptr<MaxPool2d<T>>> pools_;
  Flatten<T> flatten_;
  typename L::LinearBnAct fc1_;
  typename L::Linear head_;
};

}  // namespace bitgrain
