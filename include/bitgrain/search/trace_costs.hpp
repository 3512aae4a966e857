#pragma once

/// The cost model's description of a network, read off one traced forward pass.

#include <algorithm>
#include <string>
#include <unordered_map>

#include "bitgrain/quant/site.hpp"
#include "bitgrain/search/cost.hpp"

namespace bitgrain {

/// Describes `model` for the cost model. Layers are its quantized layers; tensors the input (8 bits, as its codes)
/// and what each activation site makes. A tensor is alive from the op that makes it to the last op that reads it,
/// under whatever pool or reshape in between. Sites whose spec is `fixed` keep their bits. `overhead_bytes` is the
/// packed file's bound of 16 bytes per channel and 4096. Runs `model` on `sample` [1,H,W,C] in evaluation mode.
inline NetworkCosts trace_costs(Module<float>& model, const Var<float>& sample) {
  model.set_training(false);
  std::unordered_map<std::string, const QuantSite<float>*> sites;
  for (const QuantSite<float>* site : quant_sites(model)) sites[site->site_name()] = site;

  const NoGrad no_grad;
  Trace<float> trace;
  model(sample);

  NetworkCosts costs;
  std::unordered_map<const void*, std::size_t> tensor_of;  // variable to the tensor whose codes it holds
  const bool signed_input = sample.quant() && sample.quant()->range().low < 0;
  costs.tensors.push_back({"input", sample.numel(), 8, false, 0, 0, signed_input});
  tensor_of[sample.id()] = 0;
  costs.overhead_bytes = 4096;
  for (std::size_t step = 0; step < trace.records.size(); ++step) {
    const auto& record = trace.records[step];
    for (const auto& input : record.inputs) {
      if (!input.defined()) continue;
      if (const auto known = tensor_of.find(input.id()); known != tensor_of.end())
        costs.tensors[known->second].last_step = static_cast<int>(step);
    }
    const auto site = sites.find(record.layer);
    if (record.op == "conv2d" || record.op == "linear") {
      ConvGeometry geometry = record.attributes.conv;
      geometry.batch = 1;
      costs.overhead_bytes += 16 * geometry.out_channels;
      const auto reads = tensor_of.find(record.inputs[0].id());
      BITGRAIN_CHECK(reads != tensor_of.end(), "the cost model cannot tell which tensor layer '", record.layer,
                     "' reads");
      if (site != sites.end())
        costs.layers.push_back({record.layer,
                                geometry.weight_size(),
                                geometry.macs(),
                                costs.tensors[reads->second].name,
                                0,
                                geometry,
                                {}});
    } else if (site != sites.end() && !site->second->is_weight() &&
               (record.op == "quantize" || record.op == "relu" || record.op == "relu6")) {
      const QuantizerSpec& spec = site->second->spec();
      const auto at = std::find_if(costs.tensors.begin(), costs.tensors.end(),
                                   [&](const TensorCost& t) { return t.name == record.layer; });
      if (at == costs.tensors.end()) {
        tensor_of[record.output.id()] = costs.tensors.size();
        costs.tensors.push_back({record.layer, record.output.numel(), spec.fixed ? spec.bits : 0, true,
                                 static_cast<int>(step), static_cast<int>(step),
                                 code_range(spec.grid, spec.bits).low < 0});
      } else {  // the ReLU inside a quantizer, then the quantizer itself
        tensor_of[record.output.id()] = static_cast<std::size_t>(at - costs.tensors.begin());
      }
    } else if (!record.inputs.empty() && record.inputs[0].defined()) {
      // Pools, reshapes and channel padding hand the same codes on.
      const bool passes = record.op == "max_pool2d" || record.op == "flatten" || record.op == "reshape" ||
                          record.op == "subsample_pad" || record.op == "slice";
      const auto known = tensor_of.find(record.inputs[0].id());
      if (passes && known != tensor_of.end()) tensor_of[record.output.id()] = std::size_t{known->second};
    }
  }
  costs.validate();
  return costs;
}

}  // namespace bitgrain
