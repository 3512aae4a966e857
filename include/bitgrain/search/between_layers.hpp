#pragma once

/// What an engine takes besides its layers: the input's table, pools, shortcuts, sums of two branches. It does not
/// depend on bits, so it is measured once, at 8 bits: the whole engine less the sum of its layers.

#include <algorithm>
#include <vector>

#include "bitgrain/deploy/time_engine.hpp"
#include "bitgrain/quant/install.hpp"
#include "bitgrain/search/kernel_latency.hpp"
#include "bitgrain/train/lower_model.hpp"

namespace bitgrain {

/// Nanoseconds of one image alone that `model`, over AnyLayers, spends between its layers, whose times as bytes are
/// in `table`. The quantizers are exchanged for a moment and are those of float layers afterwards.
inline double between_layers_ns(Module<float>& model, const InputEncoding& encoding, std::int64_t height,
                                std::int64_t width, const deploy::KernelTable& table, double seconds = 0.1) {
  Allocation bytes;
  for (const QuantSite<float>* site : quant_sites(model))
    (site->is_weight() ? bytes.weights : bytes.activations).set(site->site_name(), 8);
  const auto lsq = quantizer_factory<float>("lsq"), in_float = quantizer_factory<float>("float");
  install_quantizers<float>(model, lsq, lsq, bytes);
  model.set_training(false);
  Tensor<std::uint8_t> image(Shape{1, height, width, encoding.channels()});
  std::uint8_t* byte = image.mutable_data();
  for (std::int64_t i = 0; i < image.numel(); ++i) byte[i] = static_cast<std::uint8_t>(i * 37);
  {
    const NoGrad no_grad;
    model(encode_images<float>(image, encoding));  // the steps are chosen by what comes by
  }
  const deploy::IntegerNetwork network = lower_model(model, encoding, height, width);
  install_quantizers<float>(model, in_float, in_float);

  double rest = deploy::time_engine(deploy::Engine(network, deploy::KernelTable{}), seconds);
  for (const deploy::Op& op : network.ops)
    if (const auto* conv = std::get_if<deploy::ConvOp>(&op)) {
      const deploy::LayerShape shape = deploy::layer_shape(conv->geometry);
      const deploy::KernelTime* time =
          deploy::choose_time(table, shape, {}, [](kernels::BitsKernel) { return false; });
      BITGRAIN_CHECK(time != nullptr && time->shape == shape, "layer '", conv->layer, "' (", deploy::to_string(shape),
                     ") was not measured with weights as bytes");
      rest -= time->single_ns;
    }
  return std::max(0.0, rest);
}

}  // namespace bitgrain
