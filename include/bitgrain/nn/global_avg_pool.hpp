#pragma once

#include <string>

#include "bitgrain/nn/module.hpp"
#include "bitgrain/ops/global_avg_pool.hpp"

namespace bitgrain {

/// Average over the whole image: [N,H,W,C] to [N,C].
template <class T>
class GlobalAvgPool : public Module<T> {
 public:
  Var<T> forward(const Var<T>& x) override { return global_avg_pool(x); }
  std::string describe() const override { return "GlobalAvgPool"; }
};

}  // namespace bitgrain
