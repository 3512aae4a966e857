#include "bitgrain/base/check.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "bitgrain/tensor/shape.hpp"
#include "error_of.hpp"

using namespace bitgrain;

TEST_CASE("a failed check throws Error with every part of the message, values and shapes printed") {
  const int got = 7;
  const Shape shape{2, 3};
  const std::string message = error_of([&] { BITGRAIN_CHECK(got < 5, "fewer than 5, got ", got, " in ", shape); });
  CHECK(message == "fewer than 5, got 7 in [2,3]");
}

TEST_CASE("a check that holds does not evaluate the message") {
  int evaluated = 0;
  const auto part = [&] { return ++evaluated; };
  BITGRAIN_CHECK(true, "never ", part());
  CHECK(evaluated == 0);
}

TEST_CASE("a check evaluates its condition once and is one statement under an if without braces") {
  int evaluated = 0;
  if (evaluated == 0)
    BITGRAIN_CHECK(++evaluated == 1, "once");
  else
    evaluated = -1;
  CHECK(evaluated == 1);
}

TEST_CASE("Error is a std::runtime_error, so that code which knows nothing of bitgrain reports it") {
  CHECK_THROWS_AS(fail("broken"), std::runtime_error);
  CHECK_THROWS_WITH(raise("exactly this"), "exactly this");
}

TEST_CASE("set_error_handler returns the handler it replaces") {
  const ErrorHandler mine = [](const char*) {};
  const ErrorHandler original = set_error_handler(mine);
  CHECK((original != nullptr));
  CHECK((set_error_handler(original) == mine));
}
