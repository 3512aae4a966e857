#include "bitgrain/train/train_state.hpp"

#include <doctest/doctest.h>

#include "bitgrain/nn/linear.hpp"
#include "bitgrain/optim/sgd.hpp"
#include "synthetic_images.hpp"

using namespace bitgrain;

TEST_CASE("steps count over the whole run, and quantizers are told where it stands") {
  Linear<float> model(64, 4);
  Sgd<float> optimizer(model.parameters());
  BatchLoader loader(synthetic_images(32, 1), InputEncoding::unsigned_bytes(1), LoaderOptions::training(8, 1));
  TrainState state{model, optimizer, loader};
  state.epochs = 3;
  state.steps_per_epoch = 4;
  state.epoch = 1;
  state.step = 6;
  CHECK(state.total_steps() == 12);
  CHECK(state.step_in_epoch() == 2);
  const QuantProgress p = state.progress();
  CHECK(p.epoch == 1);
  CHECK(p.epochs == 3);
  CHECK(p.step == 6);
  CHECK(p.steps == 12);
}
