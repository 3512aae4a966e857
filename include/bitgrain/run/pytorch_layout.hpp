#pragma once

/// The same numbers in PyTorch's order. Images are NHWC here and NCHW there, so two kinds of tensors differ:
///
///     convolution weights    [out, kh, kw, in]                        here,  [out, in, kh, kw]  there
///     linear layers behind   columns (h W + w) C + c: rows, columns,  here,  c H W + h W + w    there
///     a flatten of H x W x C channels innermost
///
/// Both swap the two inner dimensions of [out, H W, C]. Everything else (other linear layers, biases, batch norm) is
/// the same.

#include <map>
#include <string>
#include <utility>

#include "bitgrain/nn/module.hpp"

namespace bitgrain {

/// Converts the tensors of one network. Made from a float network by watching one forward pass.
class PyTorchLayout {
 public:
  /// `image` is [H,W,C]. Runs `model` on a blank image in evaluation mode and leaves it there; its numbers stay.
  PyTorchLayout(Module<float>& model, const Shape& image) {
    for (const auto& p : model.parameters())
      if (p.var.shape().rank() == 4) swaps_[p.name] = {p.var.shape()[1] * p.var.shape()[2], p.var.shape()[3]};
    model.set_training(false);
    const NoGrad no_grad;
    Trace<float> trace;
    model(Var<float>(Tensor<float>(Shape{1, image[0], image[1], image[2]}, 0.0F)));
    std::map<const void*, Swap> flattened;  // values that are images read as one row, by identity
    for (const auto& record : trace.records) {
      const Var<float>& in = record.inputs.front();
      if (record.op == "flatten" && in.shape().rank() == 4) {
        flattened[record.output.id()] = {in.shape()[1] * in.shape()[2], in.shape()[3]};
        continue;
      }
      const auto found = flattened.find(in.id());
      if (found == flattened.end()) continue;
      if (record.op == "linear")
        swaps_[record.layer + ".weight"] = found->second;
      else  // a nonlinearity, a dropout, a quantizer
        flattened[record.output.id()] = found->second;
    }
  }

  /// Shape of tensor `name` there, `ours` being its shape here.
  Shape shape_there(const std::string& name, const Shape& ours) const {
    return swaps_.contains(name) && ours.rank() == 4 ? Shape{ours[0], ours[3], ours[1], ours[2]} : ours;
  }
  /// Tensor `name` in PyTorch's order.
  Tensor<float> to_pytorch(const std::string& name, const Tensor<float>& ours) const {
    const auto swap = swaps_.find(name);
    if (swap == swaps_.end()) return ours;
    return swapped(ours, swap->second.pixels, swap->second.channels, shape_there(name, ours.shape()));
  }
  /// Tensor `name` from PyTorch's order into the shape `ours`.
  Tensor<float> from_pytorch(const std::string& name, const Tensor<float>& theirs, const Shape& ours) const {
    const auto swap = swaps_.find(name);
    if (swap == swaps_.end()) return theirs;
    return swapped(theirs, swap->second.channels, swap->second.pixels, ours);
  }

 private:
  struct Swap {
    std::int64_t pixels = 1, channels = 1;
  };
  // [.., a, b] to [.., b, a].
  static Tensor<float> swapped(const Tensor<float>& from, std::int64_t a, std::int64_t b, const Shape& shape) {
    Tensor<float> result(shape);
    float* to = result.mutable_data();
    const std::int64_t rows = from.numel() / (a * b);
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t i = 0; i < a; ++i)
        for (std::int64_t j = 0; j < b; ++j) to[(r * b + j) * a + i] = from[(r * a + i) * b + j];
    return result;
  }

  std::map<std::string, Swap> swaps_;
};

}  // namespace bitgrain
