#pragma once

#include <string>

#include "bitgrain/nn/module.hpp"
#include "bitgrain/ops/relu6.hpp"

namespace bitgrain {

/// min(max(0, x), 6).
template <class T>
class ReLU6 : public Module<T> {
 public:
  Var<T> forward(const Var<T>& x) override { return relu6(x); }
  std::string describe() const override { return "ReLU6"; }
};

}  // namespace bitgrain
