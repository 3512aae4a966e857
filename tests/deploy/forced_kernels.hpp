#pragma once

// Tables of times that make the engine take a kernel wherever it can.

#include "bitgrain/deploy/kernel_choice.hpp"

namespace bitgrain::deploy_test {

inline deploy::KernelTable forcing(kernels::BitsKernel kernel, const deploy::IntegerNetwork& network) {
  deploy::KernelTable table;
  for (const deploy::Op& op : network.ops)
    if (const auto* conv = std::get_if<deploy::ConvOp>(&op)) {
      const deploy::LayerShape shape = deploy::layer_shape(conv->geometry);
      const deploy::LayerBits bits =
          deploy::layer_bits(conv->weights, network.values[static_cast<std::size_t>(conv->input)]);
      table.push_back({shape, kernels::BitsKernel::kBytes, bits, 100, 100});
      if (kernel != kernels::BitsKernel::kBytes) table.push_back({shape, kernel, bits, 1, 1});
    }
  return table;
}

}  // namespace bitgrain::deploy_test
