#pragma once

#include <string>

#include "bitgrain/nn/module.hpp"
#include "bitgrain/ops/relu.hpp"

namespace bitgrain {

/// max(0, x).
template <class T>
class ReLU : public Module<T> {
 public:
  Var<T> forward(const Var<T>& x) override { return relu(x); }
  std::string describe() const override { return "ReLU"; }
};

}  // namespace bitgrain
