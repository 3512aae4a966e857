// That a time comes out, on one thread, and the setting is left alone. What it is is no test.

#include "bitgrain/deploy/time_engine.hpp"

#include <doctest/doctest.h>

#include "deploy/few_bit_network.hpp"

TEST_CASE("an engine's time is positive and the number of threads stays") {
  using namespace bitgrain;
  deploy_test::FewBitNetwork network;
  network.add_layer(8, 3, Grid::kSigned, 8, 2);
  network.flatten();
  network.add_layer(10, 1, Grid::kSigned, 2, 8);
  const int before = num_threads();
  set_num_threads(2);
  const double ns = deploy::time_engine(deploy::Engine(network.take()), 0);
  CHECK(ns > 0);
  CHECK(ns < 1e9);
  CHECK(num_threads() == 2);
  set_num_threads(before);
}
