// That times of layers add up exactly, and that missing and impossible ones are noticed.

#include "bitgrain/search/layer_latency.hpp"

#include <doctest/doctest.h>

#include "error_of.hpp"

using namespace bitgrain;

TEST_CASE("a layer keeps a time for each pair of bits, in whole picoseconds") {
  LayerLatency latency;
  CHECK(latency.empty());
  latency.set(2, 7, 12.3456789e-6);
  latency.set(7, 2, 1e-15);
  CHECK_FALSE(latency.empty());
  CHECK(latency.picoseconds(2, 7) == 12345679);
  CHECK(latency.picoseconds(7, 2) == 1);  // never nothing
  CHECK_FALSE(latency.has(2, 2));
  CHECK_FALSE(latency.has(0, 7));
  CHECK_FALSE(latency.has(2, 32));
  CHECK(contains(error_of([&] { static_cast<void>(latency.picoseconds(2, 2)); }),
                 "no measured time at 2 weight bits and 2 input bits"));
  CHECK(contains(error_of([&] { latency.set(9, 1, 1); }), "1 to 8 bits, got 9 weight bits"));
  for (const double bad : {0.0, -1e-6, 4000.0, static_cast<double>(NAN), static_cast<double>(INFINITY)})
    CHECK(contains(error_of([&] { latency.set(1, 1, bad); }), "must be above 0 and below an hour"));
}

TEST_CASE("a budget in seconds allows exactly the picoseconds that do not exceed it as doubles") {
  for (const double seconds : {1e-12, 0.0025, 115.5e-6, 0.1, 1.0 / 3, 7.0e-7, 1e30}) {
    const std::int64_t most = most_picoseconds(seconds);
    CHECK(seconds_of(most) <= seconds);
    if (seconds < 9000) CHECK(seconds_of(most + 1) > seconds);
  }
  CHECK(most_picoseconds(0.0025) == 2'500'000'000);
  CHECK(most_picoseconds(1e-13) == 0);
}
