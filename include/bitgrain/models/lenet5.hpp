#pragma once

#include <string>

#include "bitgrain/nn/flatten.hpp"
#include "bitgrain/nn/float_layers.hpp"
#include "bitgrain/nn/max_pool2d.hpp"

namespace bitgrain {

struct LeNet5Config {
  Shape image = {28, 28, 1};  ///< [H,W,C], at least 16x16
  std::int64_t classes = 10;
};

/// LeNet-5 in the Caffe variant, 32C5-MP2-64C5-MP2-512FC-Softmax (Louizos et al., "Relaxed quantization", ICLR
/// 2019): convolutions without padding and with bias, no batch norm; 582,026 parameters on MNIST. Images [N,H,W,C] to
/// logits [N,classes].
template <class L = FloatLayers<>>
class LeNet5 : public Module<typename L::Scalar> {
 public:
  using T = typename L::Scalar;

  explicit LeNet5(const LeNet5Config& config = {}, const typename L::Options& options = {})
      : config_(checked(config)),
        conv1_(options, config.image[2], 32, Window2d::square(5)),
        act1_(options),
        conv2_(options, 32, 64, Window2d::square(5)),
        act2_(options),
        fc1_(options, 64 * after_convolutions(config.image[0]) * after_convolutions(config.image[1]), 512),
        act3_(options),
        head_(options, 512, config.classes) {
    this->register_module("conv1", conv1_);
    this->register_module("act1", act1_);
    this->register_module("pool1", pool1_);
    this->register_module("conv2", conv2_);
    this->register_module("act2", act2_);
    this->register_module("pool2", pool2_);
    this->register_module("flatten", flatten_);
    this->register_module("fc1", fc1_);
    this->register_module("act3", act3_);
    this->register_module("head", head_);
  }

  Var<T> forward(const Var<T>& x) override {
    const Var<T> first = act_max_pool(act1_, pool1_, conv1_(x));
    const Var<T> second = act_max_pool(act2_, pool2_, conv2_(first));
    return head_(act3_(fc1_(flatten_(second))));
  }
  std::string describe() const override {
    return detail::concat("LeNet5(image ", config_.image, ", ", config_.classes, " classes)");
  }
  /// Shape of one image, [H,W,C].
  const Shape& input_shape() const { return config_.image; }
  const LeNet5Config& config() const { return config_; }

 private:
  // Extent behind both rounds of a 5x5 convolution and a pool.
  static std::int64_t after_convolutions(std::int64_t extent) { return ((extent - 4) / 2 - 4) / 2; }
  static const LeNet5Config& checked(const LeNet5Config& config) {
    BITGRAIN_CHECK(config.image.rank() == 3 && config.image[0] >= 16 && config.image[1] >= 16,
                   "LeNet5: images must be [H,W,C] of at least 16x16, got ", config.image);
    return config;
  }

  LeNet5Config config_;
  typename L::Conv2d conv1_;
  typename L::ReLU act1_;
  MaxPool2d<T> pool1_{2};
  typename L::Conv2d conv2_;
  typename L::ReLU act2_;
  MaxPool2d<T> pool2_{2};
  Flatten<T> flatten_;
  typename L::Linear fc1_;
  typename L::ReLU act3_;
  typename L::Linear head_;
};

}  // namespace bitgrain
