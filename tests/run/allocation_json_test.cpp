#include "bitgrain/run/allocation_json.hpp"

#include <doctest/doctest.h>

#include "error_of.hpp"
#include "run/folder.hpp"

using namespace bitgrain;

TEST_CASE("an allocation comes back from its file as it was, in the same order") {
  const TestFolder folder("allocation_json");
  const Allocation allocation{{{"z", 8}, {"a.b", 3}}, {{"relu", 4}}};
  write_allocation(folder / "bits.json", allocation);
  const Allocation back = read_allocation(folder / "bits.json");
  CHECK(back == allocation);
  CHECK(back.text() == allocation.text());
  CHECK(allocation_to_json(allocation).dump() == R"({"weights":{"z":8,"a.b":3},"activations":{"relu":4}})");
  CHECK(allocation_from_json(allocation_to_json({}), "here") == Allocation{});
}

TEST_CASE("one of the two halves may be missing") {
  CHECK(allocation_from_json(Json::parse(R"({"weights": {"a": 2}})"), "here") == Allocation{{{"a", 2}}, {}});
  CHECK(allocation_from_json(Json::parse(R"({"activations": {"a": 2}})"), "here") == Allocation{{}, {{"a", 2}}});
}

TEST_CASE("bad allocations are refused with the entry at fault") {
  const auto complaint = [](const char* text) {
    return error_of([&] { allocation_from_json(Json::parse(text), "file 'x'"); });
  };
  CHECK(contains(complaint("[]"), "file 'x': expected an object"));
  CHECK(contains(complaint("{}"), "expected the key 'weights', 'activations' or both"));
  CHECK(contains(complaint(R"({"weight": {}})"), "the key 'weight' is not known; known: weights, activations"));
  CHECK(contains(complaint(R"({"weights": [1]})"), "file 'x', 'weights': expected an object"));
  CHECK(contains(complaint(R"({"weights": {"fc": 0}})"), "file 'x', 'weights', 'fc': bits must be 1 to 32, got 0"));
  CHECK(contains(complaint(R"({"activations": {"r": 33}})"), "'r': bits must be 1 to 32, got 33"));
  CHECK(contains(complaint(R"({"weights": {"fc": 2.5}})"), "'fc': expected a whole number, got 2.5"));
  CHECK(contains(complaint(R"({"weights": {"fc": "2"}})"), "'fc': expected a whole number"));
}
