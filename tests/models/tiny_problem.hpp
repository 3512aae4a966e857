#pragma once

#include <vector>

#include "bitgrain/nn/init.hpp"
#include "bitgrain/ops/cross_entropy.hpp"
#include "bitgrain/optim/adam.hpp"

namespace bitgrain {

/// A few random images with labels 0, 1, 2, ... : any network that learns at all can learn them by heart.
template <class T>
struct TinyProblem {
  explicit TinyProblem(const Shape& image, std::int64_t count = 8) {
    Shape shape{count};
    for (int i = 0; i < image.rank(); ++i) shape.append(image[i]);
    images = Tensor<T>(shape);
    fill_normal(images, RandomStream(21, "images"), 0.0, 1.0);
    for (std::int64_t i = 0; i < count; ++i) labels.push_back(static_cast<std::int32_t>(i % 4));
  }

  /// Trains with Adam and returns the loss before each of `steps` steps.
  std::vector<double> train(Module<T>& model, int steps, double rate) const {
    Adam<T> adam(model.parameters(), {.learning_rate = rate});
    std::vector<double> losses;
    for (int step = 0; step < steps; ++step) {
      model.zero_grad();
      const Var<T> loss = cross_entropy(model(Var<T>(images)), labels);
      losses.push_back(static_cast<double>(loss.item()));
      loss.backward();
      adam.step();
    }
    return losses;
  }

  Tensor<T> images;
  std::vector<std::int32_t> labels;
};

}  // namespace bitgrain
