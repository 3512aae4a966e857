#include "bitgrain/quant/allocation.hpp"

#include <doctest/doctest.h>

#include <string>

#include "error_of.hpp"

using bitgrain::Allocation;
using bitgrain::BitsByName;

TEST_CASE("bits are found again by name, replaced in place, and kept in the order of the network") {
  BitsByName bits{{"conv1", 8}, {"conv2", 2}, {"fc", 4}};
  bits.set("conv2", 3);
  CHECK(bits.at("conv2") == 3);
  CHECK(bits.get("conv9", 32) == 32);
  CHECK(bits.contains("fc"));
  CHECK(!bits.contains("conv9"));
  std::string order;
  for (const auto& [name, b] : bits) order += name + std::to_string(b) + " ";
  CHECK(order == "conv18 conv23 fc4 ");
}

TEST_CASE("bits outside 1 to 32 and unknown names are refused by name") {
  BitsByName bits;
  CHECK(error_of([&] { bits.set("conv1", 0); }) == "bits of \"conv1\" must be 1 to 32, got 0");
  CHECK(error_of([&] { bits.set("conv1", 33); }) == "bits of \"conv1\" must be 1 to 32, got 33");
  CHECK(bits.empty());
  CHECK(error_of([&] { (void)bits.at("fc"); }) == "the allocation has no bits for \"fc\"");
}

TEST_CASE("allocations are equal when every name has the same bits, whatever the order") {
  const Allocation a{{{"x", 2}, {"y", 3}}, {{"r", 4}}};
  CHECK(a == Allocation{{{"y", 3}, {"x", 2}}, {{"r", 4}}});
  CHECK(a != Allocation{{{"x", 2}, {"y", 2}}, {{"r", 4}}});
  CHECK(a != Allocation{{{"x", 2}}, {{"r", 4}}});
  CHECK(a != Allocation{{{"x", 2}, {"z", 3}}, {{"r", 4}}});
  CHECK(a != Allocation{{{"x", 2}, {"y", 3}}, {}});
}

TEST_CASE("the average of weight bits is weighted by the number of weights") {
  const Allocation a{{{"conv1", 8}, {"fc", 2}}, {}};
  CHECK(a.average_weight_bits({{"conv1", 100}, {"fc", 300}}) == 3.5);
  CHECK(a.average_weight_bits({{"fc", 300}}) == 2.0);
  CHECK(error_of([&] { (void)a.average_weight_bits({}); }) == "average weight bits need at least one weight");
  CHECK(contains(error_of([&] { (void)a.average_weight_bits({{"conv2", 1}}); }), "\"conv2\""));
}

TEST_CASE("distinct counts bit-widths, not layers, up to 32 bits") {
  CHECK(BitsByName{}.distinct() == 0);
  CHECK(BitsByName{{"a", 2}, {"b", 32}, {"c", 2}, {"d", 1}}.distinct() == 3);
}

TEST_CASE("the text of an allocation is an aligned table") {
  const Allocation a{{{"conv1", 8}, {"layer1.0", 2}}, {{"relu", 4}}};
  CHECK(a.text() ==
        "weights      conv1     8\n"
        "weights      layer1.0  2\n"
        "activations  relu      4\n");
}
