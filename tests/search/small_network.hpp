#pragma once

/// A network description small enough to count by hand: image -> conv1 -> r1 -> {conv2 -> r2, short} -> add -> r3 ->
/// fc.

#include "bitgrain/search/cost.hpp"

namespace bitgrain::testing {

inline NetworkCosts small_network() {
  NetworkCosts network;
  //                  name    elements fixed quantizer steps
  network.tensors = {{"image", 100, 8, false, 0, 0},
                     {"r1", 200, 0, true, 0, 2},
                     {"r2", 203, 0, true, 1, 2},
                     {"r3", 50, 0, true, 2, 3}};
  //                 name   weights MACs input fixed
  network.layers = {{"conv1", 10, 1000, "image", 8},
                    {"conv2", 101, 20000, "r1", 0},
                    {"short", 20, 4000, "r1", 0},
                    {"conv3", 100, 20300, "r2", 0},
                    {"fc", 51, 500, "r3", 0}};
  network.overhead_bytes = 64;
  return network;
}

}  // namespace bitgrain::testing
