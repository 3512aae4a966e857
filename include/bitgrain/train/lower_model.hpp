#pragma once

#include <optional>
#include <string>

#include "bitgrain/data/dataset.hpp"
#include "bitgrain/data/input_table.hpp"
#include "bitgrain/deploy/lower.hpp"
#include "bitgrain/nn/module.hpp"
#include "bitgrain/quant/site.hpp"

namespace bitgrain {

/// Images as a network reads them: real values that carry the codes of `encoding`. `T` is float, or double for the
/// witness.
template <class T>
Var<T> encode_images(const Tensor<std::uint8_t>& bytes, const InputEncoding& encoding) {
  Var<T> x(encoding.real<T>(bytes));
  x.set_quant(std::make_shared<const QuantInfo>(encoding.quant_info()));
  return x;
}

/// Whether every weight tensor of `model` currently comes out of its quantizer as integer codes, so that the model
/// can be lowered. False for float networks and while bit planes are still soft. Runs one forward pass.
inline bool emits_codes(Module<float>& model, const Var<float>& sample) {
  struct Watch final : QuantObserver<float> {
    Var<float> observe(const QuantSite<float>& site, const Var<float>&, const Var<float>& y) override {
      if (site.is_weight()) (y.quant() ? ++with : ++without);
      return y;
    }
    int with = 0, without = 0;
  } watch;
  const NoGrad no_grad;
  model(sample);
  return watch.with > 0 && watch.without == 0;
}

/// Lowers a module for images of `height` x `width`; see deploy/lower.hpp. The model is left in evaluation mode.
inline deploy::IntegerNetwork lower_model(Module<float>& model, const InputEncoding& encoding, std::int64_t height,
                                          std::int64_t width, const deploy::LowerOptions& options = {}) {
  model.set_training(false);
  const Tensor<std::uint8_t> blank(Shape{1, height, width, encoding.channels()}, std::uint8_t{0});
  return deploy::lower([&model](const Var<float>& x) { return model(x); }, encode_images<float>(blank, encoding),
                       deploy::InputTable{encoding.codes}, options);
}

}  // namespace bitgrain
