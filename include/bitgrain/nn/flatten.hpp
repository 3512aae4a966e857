#pragma once

#include <string>

#include "bitgrain/nn/module.hpp"
#include "bitgrain/ops/flatten.hpp"

namespace bitgrain {

/// [N, ...] to [N, product of the rest]: of an image, rows first, channels innermost. Codes pass on.
template <class T>
class Flatten : public Module<T> {
 public:
  Var<T> forward(const Var<T>& x) override { return flatten(x); }
  std::string describe() const override { return "Flatten"; }
};

}  // namespace bitgrain
