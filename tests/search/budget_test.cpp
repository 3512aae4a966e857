#include "bitgrain/search/budget.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "error_of.hpp"

using bitgrain::Budget;

TEST_CASE("a budget prints the limits that are set and no others") {
  Budget budget;
  CHECK(budget.empty());
  CHECK(budget.text() == "no limits");
  budget.average_weight_bits = 2.5;
  budget.bitops = 48284565504.0;
  CHECK(!budget.empty());
  CHECK(budget.text() == "average_weight_bits <= 2.5, bitops <= 48284565504");
}

TEST_CASE("limits that are not positive and finite are refused by name") {
  Budget budget;
  budget.validate();
  budget.model_bytes = 1000;
  budget.validate();
  for (const double bad : {0.0, -1.0, static_cast<double>(INFINITY), static_cast<double>(NAN)}) {
    budget.activation_peak = bad;
    CHECK(contains(error_of([&] { budget.validate(); }), "budget activation_peak must be positive and finite"));
  }
}

TEST_CASE("the list of limits names every field") {
  Budget budget;
  budget.average_weight_bits = 1;
  budget.payload_bytes = 2;
  budget.model_bytes = 3;
  budget.bitops = 4;
  budget.activation_sum = 5;
  budget.activation_max = 6;
  budget.activation_peak = 7;
  budget.latency = 8;
  double expected = 1;
  for (const auto& limit : budget.limits()) CHECK(limit.value->value() == expected++);
  CHECK(budget.text() ==
        "average_weight_bits <= 1, payload_bytes <= 2, model_bytes <= 3, bitops <= 4, activation_sum <= 5, "
        "activation_max <= 6, activation_peak <= 7, latency <= 8 s");
}
