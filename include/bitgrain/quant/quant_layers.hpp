#pragma once

#include <functional>
#include <utility>

#include "bitgrain/nn/blocks.hpp"
#include "bitgrain/ops/global_avg_pool.hpp"
#include "bitgrain/quant/any_quantizer.hpp"
#include "bitgrain/quant/qlayers.hpp"
#include "bitgrain/quant/qrelu.hpp"

namespace bitgrain {

/// The family of quantized layers: weights through W, activations through A. `QuantLayers<Lsq, Lsq>` names methods as
/// types; `QuantLayers<AnyQuantizer, AnyQuantizer>` chooses them at run time (quant/install.hpp). See
/// nn/float_layers.hpp for what a family is.
///
/// Bits here are the same for all layers; an Allocation sets them one by one once the model stands.
template <template <class> class W, template <class> class A, class T = float>
struct QuantLayers {
  using Scalar = T;

  struct Options {
    int weight_bits = 8;
    int activation_bits = 8;
    int pool_bits = 8;         ///< of the tensor behind a global average pool
    bool per_channel = false;  ///< one weight step per output channel instead of one per layer
    bool strict = false;       ///< a layer that receives no integer codes is an error
    std::function<W<T>(const QuantizerSpec&)> make_weight = [](const QuantizerSpec& spec) { return W<T>(spec); };
    std::function<A<T>(const QuantizerSpec&)> make_activation = [](const QuantizerSpec& spec) { return A<T>(spec); };
  };

  class Conv2d : public QConv2d<W, T> {
   public:
    Conv2d(const Options& o, std::int64_t in, std::int64_t out, const Window2d& window, bool bias = true,
           std::int64_t groups = 1)
        : Conv2d(weight_spec(o, out), o, in, out, window, bias, groups) {}

   private:
    Conv2d(const QuantizerSpec& spec, const Options& o, std::int64_t in, std::int64_t out, const Window2d& window,
           bool bias, std::int64_t groups)
        : QConv2d<W, T>(spec, o.make_weight(spec), in, out, window, bias, groups) {
      this->set_strict(o.strict);
    }
  };

  class Linear : public QLinear<W, T> {
   public:
    Linear(const Options& o, std::int64_t in, std::int64_t out, bool bias = true)
        : Linear(weight_spec(o, out), o, in, out, bias) {}

   private:
    Linear(const QuantizerSpec& spec, const Options& o, std::int64_t in, std::int64_t out, bool bias)
        : QLinear<W, T>(spec, o.make_weight(spec), in, out, bias) {
      this->set_strict(o.strict);
    }
  };

  class ReLU : public QReLU<A, T> {
   public:
    explicit ReLU(const Options& o) : ReLU(activation_spec(o.activation_bits, false), o) {}
    ReLU(const QuantizerSpec& spec, const Options& o) : QReLU<A, T>(spec, o.make_activation(spec)) {}
  };

  /// [N,H,W,C] to [N,C]. The exact sum of codes is not on their grid: an 8-bit quantizer of its own ("quantizer")
  /// follows. Inputs are not negative, so its ReLU changes nothing.
  class GlobalAvgPool : public Module<T> {
   public:
    explicit GlobalAvgPool(const Options& o) : quantizer_(activation_spec(o.pool_bits, true), o) {
      this->register_module("act", quantizer_);
    }
    Var<T> forward(const Var<T>& x) override { return quantizer_(global_avg_pool(x)); }
    std::string describe() const override { return "GlobalAvgPool"; }

   private:
    ReLU quantizer_;
  };

  using ConvBnAct = ConvBnActBlock<Conv2d, ReLU>;
  using ConvBn = ConvBnBlock<Conv2d>;
  using ConvBnAddAct = ConvBnAddActBlock<Conv2d, ReLU>;
  using LinearBnAct = LinearBnActBlock<Linear, ReLU>;

 private:
  static QuantizerSpec weight_spec(const Options& o, std::int64_t out) {
    return {QuantRole::kWeights, o.weight_bits, o.per_channel ? out : 1, Grid::kSigned, false, {}};
  }
  static QuantizerSpec activation_spec(int bits, bool fixed) {
    return {QuantRole::kActivations, bits, 1, Grid::kUnsigned, fixed, {}};
  }
};

/// The family that searches and programs use: methods are chosen at run time, nothing compiles methods times models.
template <class T = float>
using AnyLayers = QuantLayers<AnyQuantizer, AnyQuantizer, T>;

}  // namespace bitgrain
