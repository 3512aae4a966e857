#pragma once

// Tensors whose values lie on the grid of a quantizer, marked as such: what integer layers read.

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "bitgrain/autograd/var.hpp"
#include "bitgrain/base/random.hpp"

namespace codes_on_grid {
using namespace bitgrain;

inline std::shared_ptr<const QuantInfo> info(Grid grid, int bits, std::vector<double> steps, std::int32_t zero = 0) {
  return std::make_shared<const QuantInfo>(QuantInfo{grid, bits, std::move(steps), zero});
}
// step_c * random codes of the grid, marked.
inline Var<float> on_grid(const Shape& shape, const std::shared_ptr<const QuantInfo>& quant, std::uint64_t seed) {
  Tensor<float> t(shape);
  RandomStream random(seed, "codes");
  const CodeRange range = quant->range();
  const std::int64_t per_step = t.numel() / static_cast<std::int64_t>(quant->step.size());
  for (std::int64_t i = 0; i < t.numel(); ++i) {
    const auto code =
        range.low + static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(range.high - range.low + 1)));
    t.mutable_data()[i] =
        static_cast<float>(quant->step_of(i / per_step)) * static_cast<float>(code - quant->zero_point);
  }
  Var<float> v(t, true);
  v.set_quant(quant);
  return v;
}
}  // namespace codes_on_grid
