#pragma once

/// Layer families, and the family of plain floating-point layers.
///
/// A model is a template over a family L, a struct of types: one definition gives the float network and every
/// quantized one. What a family provides (O = const L::Options&):
///
///     L::Scalar                                           float, or double for gradcheck and the witness
///     L::Options                                          default-constructible; a model passes it on untouched
///     L::Conv2d(O, in, out, window, bias = true, groups = 1)
///     L::Linear(O, in, out, bias = true)
///     L::ReLU(O)                                          the nonlinearity, with the activation quantizer in it
///     L::GlobalAvgPool(O)                                 [N,H,W,C] to [N,C]; an average is not on its input's grid,
///                                                         so a quantized family gives it a quantizer of its own
///     L::ConvBnAct(O, in, out, window, groups = 1)        act(bn(conv(x)))
///     L::ConvBn(O, in, out, window, groups = 1)           bn(conv(x)): shortcuts with weights
///     L::ConvBnAddAct(O, in, out, window)                 called with (x, shortcut): act(bn(conv(x)) + shortcut)
///     L::LinearBnAct(O, in, out)                          act(bn(linear(x)))
///
/// All are modules of L::Scalar. The composites come from nn/blocks.hpp by naming the family's own layers; a family
/// may bring fused ones instead, if they keep the children's names ("conv" or "linear", "bn", "act"), because
/// allocations, checkpoints and `copy_state` go by full name. What only moves values about (max pool, flatten,
/// channel padding, dropout) has no quantizer in any family: models use the plain modules and ops.
///
/// Layers know their names only after construction: what a family looks up by name (bits of an allocation) it applies
/// once the model stands.

#include "bitgrain/nn/blocks.hpp"
#include "bitgrain/nn/conv2d.hpp"
#include "bitgrain/nn/global_avg_pool.hpp"
#include "bitgrain/nn/linear.hpp"
#include "bitgrain/nn/relu.hpp"

namespace bitgrain {

/// Floating-point layers: `ResNetCifar<FloatLayers<>>`.
template <class T = float>
struct FloatLayers {
  using Scalar = T;
  struct Options {};

  class Conv2d : public bitgrain::Conv2d<T> {
   public:
    Conv2d(const Options&, std::int64_t in, std::int64_t out, const Window2d& window, bool bias = true,
           std::int64_t groups = 1)
        : bitgrain::Conv2d<T>(in, out, window, bias, groups) {}
  };
  class Linear : public bitgrain::Linear<T> {
   public:
    Linear(const Options&, std::int64_t in, std::int64_t out, bool bias = true)
        : bitgrain::Linear<T>(in, out, bias) {}
  };
  class ReLU final : public bitgrain::ReLU<T> {
   public:
    bool is_plain_relu() const { return true; }
    explicit ReLU(const Options&) {}
  };
  class GlobalAvgPool : public bitgrain::GlobalAvgPool<T> {
   public:
    explicit GlobalAvgPool(const Options&) {}
  };

  using ConvBnAct = ConvBnActBlock<Conv2d, ReLU>;
  using ConvBn = ConvBnBlock<Conv2d>;
  using ConvBnAddAct = ConvBnAddActBlock<Conv2d, ReLU>;
  using LinearBnAct = LinearBnActBlock<Linear, ReLU>;
};

}  // namespace bitgrain
