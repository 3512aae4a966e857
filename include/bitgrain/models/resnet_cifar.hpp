#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/nn/float_layers.hpp"
#include "bitgrain/ops/subsample_pad.hpp"

namespace bitgrain {

/// What a residual block adds when its input and output differ in shape.
enum class ResNetShortcut {
  kA,  ///< every stride-th pixel, (out - in) / 2 zero channels on each side: no weights
  kB,  ///< 1x1 convolution and batch norm
};

struct ResNetCifarConfig {
  int depth = 20;             ///< 6n + 2: 8, 20, 32, 44, 56, 110
  Shape image = {32, 32, 3};  ///< [H,W,C]; the network itself runs on any H and W
  std::int64_t classes = 10;
  ResNetShortcut shortcut = ResNetShortcut::kA;
  std::int64_t base_width = 16;  ///< channels of the first stage; the others have 2 and 4 times as many
};

/// A basic block: first = ConvBnAct, second = ConvBnAddAct, both 3x3; the stride is in the first.
template <class L>
class ResNetBlock : public Module<typename L::Scalar> {
 public:
  using T = typename L::Scalar;

  ResNetBlock(const typename L::Options& options, std::int64_t in, std::int64_t out, std::int64_t stride,
              ResNetShortcut kind)
      : first_(options, in, out, Window2d::square(3, stride, 1)),
        second_(options, out, out, Window2d::square(3, 1, 1)),
        stride_(stride),
        added_channels_(out - in) {
    this->register_module("first", first_);
    this->register_module("second", second_);
    if ((stride != 1 || in != out) && kind == ResNetShortcut::kB) {
      shortcut_ = std::make_unique<typename L::ConvBn>(options, in, out, Window2d::square(1, stride));
      this->register_module("shortcut", *shortcut_);
    }
  }

  Var<T> forward(const Var<T>& x) override {
    Var<T> shortcut = x;
    if (shortcut_)
      shortcut = (*shortcut_)(x);
    else if (stride_ != 1 || added_channels_ != 0)
      shortcut = subsample_pad(x, stride_, added_channels_ / 2, added_channels_ - added_channels_ / 2);
    return second_(first_(x), shortcut);
  }
  std::string describe() const override {
    return detail::concat("ResNetBlock(stride ", stride_, shortcut_ ? ", shortcut B" : "", ")");
  }

 private:
  typename L::ConvBnAct first_;
  typename L::ConvBnAddAct second_;
  std::unique_ptr<typename L::ConvBn> shortcut_;
  std::int64_t stride_, added_channels_;
};

/// The residual networks for small images of He et al., "Deep residual learning for image recognition", CVPR 2016,
/// section 4.2: a 3x3 stem, three stages of n basic blocks with 16, 32 and 64 channels, stride 2 where the second and
/// the third begin, global average pool, linear layer. ResNet-20 with shortcut A has 268,346 weights and biases apart
/// from batch norm. Images [N,H,W,C] to logits [N,classes].
///
/// Children: "stem", "stage1.0" ... "stage3.<n-1>" (each "first", "second" and, with option B, "shortcut"), "pool",
/// "head".
template <class L = FloatLayers<>>
class ResNetCifar : public Module<typename L::Scalar> {
 public:
  using T = typename L::Scalar;

  explicit ResNetCifar(const ResNetCifarConfig& config = {}, const typename L::Options& options = {})
      : config_(checked(config)),
        stem_(options, config.image[2], config.base_width, Window2d::square(3, 1, 1)),
        pool_(options),
        head_(options, 4 * config.base_width, config.classes) {
    this->register_module("stem", stem_);
    std::int64_t channels = config.base_width;
    for (int stage = 0; stage < 3; ++stage) {
      const std::int64_t out = config.base_width << stage;
      for (int i = 0; i < (config.depth - 2) / 6; ++i) {
        const std::int64_t stride = stage > 0 && i == 0 ? 2 : 1;
        blocks_.push_back(std::make_unique<ResNetBlock<L>>(options, channels, out, stride, config.shortcut));
        channels = out;
        this->register_module(detail::concat("stage", stage + 1, ".", i), *blocks_.back());
      }
    }
    this->register_module("pool", pool_);
    this->register_module("head", head_);
  }

  Var<T> forward(const Var<T>& x) override {
    Var<T> y = stem_(x);
    for (const auto& block : blocks_) y = (*block)(y);
    return head_(pool_(y));
  }
  std::string describe() const override {
    return detail::concat("ResNetCifar(depth ", config_.depth, ", image ", config_.image, ", ", config_.classes,
                          " classes, shortcut ", config_.shortcut == ResNetShortcut::kA ? "A" : "B", ")");
  }
  /// Shape of one image, [H,W,C].
  const Shape& input_shape() const { return config_.image; }
  const ResNetCifarConfig& config() const { return config_; }

 private:
  static const ResNetCifarConfig& checked(const ResNetCifarConfig& config) {
    BITGRAIN_CHECK(config.depth >= 8 && (config.depth - 2) % 6 == 0,
                   "ResNetCifar: the depth must be 6n + 2 (8, 20, 32, 44, 56, 110), got ", config.depth);
    BITGRAIN_CHECK(config.image.rank() == 3, "ResNetCifar: images must be [H,W,C], got ", config.image);
    BITGRAIN_CHECK(config.base_width >= 1, "ResNetCifar: the width must be at least 1, got ", config.base_width);
    return config;
  }

  ResNetCifarConfig config_;
  typename L::ConvBnAct stem_;
  std::vector<std::unique_ptr<ResNetBlock<L>>> blocks_;
  typename L::GlobalAvgPool pool_;
  typename L::Linear head_;
};

}  // namespace bitgrain
