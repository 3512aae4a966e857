#pragma once

/// Choosing quantizers for a network that stands: which method, and how many bits where.

#include <functional>
#include <string>

#include "bitgrain/quant/allocation.hpp"
#include "bitgrain/quant/lsq.hpp"
#include "bitgrain/quant/site.hpp"
#include "bitgrain/quant/uniform_ste.hpp"

namespace bitgrain {

template <class T>
using QuantizerFactory = std::function<AnyQuantizer<T>(const QuantizerSpec&)>;

/// The quantizers that programs know by name: "float", "uniform" (min-max range), "uniform-percentile",
/// "uniform-mse", "lsq". Throws Error for any other name, listing these.
template <class T>
QuantizerFactory<T> quantizer_factory(const std::string& method) {
  const auto uniform = [](RangeRule rule) {
    return [rule](const QuantizerSpec& spec) { return AnyQuantizer<T>(UniformSte<T>(spec, {.range = rule})); };
  };
  if (method == "float") return [](const QuantizerSpec& spec) { return AnyQuantizer<T>(Float<T>(spec)); };
  if (method == "uniform") return uniform(RangeRule::kMinMax);
  if (method == "uniform-percentile") return uniform(RangeRule::kPercentile);
  if (method == "uniform-mse") return uniform(RangeRule::kMse);
  if (method == "lsq") return [](const QuantizerSpec& spec) { return AnyQuantizer<T>(Lsq<T>(spec)); };
  fail("there is no quantizer called '", method, "'; known: float, uniform, uniform-percentile, uniform-mse, lsq");
}

namespace detail {
template <class T>
int allocated_bits(const Allocation& allocation, const QuantSite<T>& site, int otherwise) {
  return (site.is_weight() ? allocation.weights : allocation.activations).get(site.site_name(), otherwise);
}
// Throws Error if `allocation` names what is not there.
template <class T>
void check_sites(const std::vector<QuantSite<T>*>& sites, const Allocation& allocation) {
  for (const bool weights : {true, false}) {
    for (const auto& entry : (weights ? allocation.weights : allocation.activations)) {
      const bool known = std::any_of(sites.begin(), sites.end(), [&](const QuantSite<T>* site) {
        return site->is_weight() == weights && site->site_name() == entry.first;
      });
      BITGRAIN_CHECK(known, "the allocation gives bits to ", weights ? "layer" : "tensor", " '", entry.first,
                     "', which the network does not have");
    }
  }
}
}  // namespace detail

/// Puts fresh quantizers into every site of a network built over AnyLayers, weights and activations each by their
/// factory, with the bits that `allocation` names (sites it does not name keep the bits of their spec). Throws Error
/// if the network's quantizers are of a fixed type, or if the allocation names a site that does not exist.
template <class T>
void install_quantizers(Module<T>& model, const QuantizerFactory<T>& weights, const QuantizerFactory<T>& activations,
                        const Allocation& allocation = {}) {
  const auto sites = quant_sites(model);
  detail::check_sites(sites, allocation);
  for (QuantSite<T>* site : sites) {
    BITGRAIN_CHECK(site->any() != nullptr, "site '", site->site_name(),
                   "' has a quantizer of a fixed type; build the network over AnyLayers to exchange it");
    QuantizerSpec spec = site->spec();
    spec.name = site->site_name();
    spec.bits = detail::allocated_bits(allocation, *site, spec.bits);
    *site->any() = site->is_weight() ? weights(spec) : activations(spec);
  }
}

/// Sets the bits of the sites that `allocation` names; steps that this changes are initialised anew. Throws Error if
/// it names a site that does not exist.
template <class T>
void apply_allocation(Module<T>& model, const Allocation& allocation) {
  const auto sites = quant_sites(model);
  detail::check_sites(sites, allocation);
  for (QuantSite<T>* site : sites)
    if (const int bits = detail::allocated_bits(allocation, *site, 0)) site->set_bits(bits);
}

/// The bits a network has now.
template <class T>
Allocation current_allocation(Module<T>& model) {
  Allocation allocation;
  for (QuantSite<T>* site : quant_sites(model))
    (site->is_weight() ? allocation.weights : allocation.activations).set(site->site_name(), site->bits());
  return allocation;
}

}  // namespace bitgrain
