#pragma once

#include <utility>
#include <vector>

#include "bitgrain/optim/adam.hpp"

namespace bitgrain {

/// AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019), as in PyTorch: Adam whose
/// weight decay bypasses the moments, w <- (1 - learning_rate weight_decay) w before the update. The default decay
/// of `AdamOptions` is 0; PyTorch's AdamW has 0.01.
template <class T>
class AdamW final : public Adam<T> {
 public:
  using typename Adam<T>::Parameter;

  explicit AdamW(std::vector<Parameter> parameters, const AdamOptions& options = {.weight_decay = 0.01})
      : Adam<T>(std::move(parameters), options, true) {}
};

}  // namespace bitgrain
