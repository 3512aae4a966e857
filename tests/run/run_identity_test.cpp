// A refused resume must name what differs, not show two walls of JSON.
#include "bitgrain/run/run_identity.hpp"

#include <doctest/doctest.h>

using namespace bitgrain;

TEST_CASE("options that differ, are new or are gone are named with both values; equal ones are not") {
  CHECK(
      run_difference(R"({"a":1,"b":"x","c":true})", R"({"a":1,"b":"y","d":[2]})") ==
      "'b' is \"x\" there and \"y\" here, 'c' is true there and not given here, 'd' is not given there and [2] here");
}

TEST_CASE("what is no object of options is shown whole") {
  CHECK(run_difference("one", "{}") == "it is of 'one', this run is '{}'");
}
