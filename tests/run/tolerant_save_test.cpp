// A disk that is full for a while must not end a run, must be said, and must not flood the log.
#include "bitgrain/run/tolerant_save.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "error_of.hpp"

using namespace bitgrain;

TEST_CASE("failures are said once in a while, remembered, and forgotten by the first success") {
  std::vector<std::string> said;
  TolerantSave save("the checkpoint", [&](const std::string& line) { said.push_back(line); });
  const auto full = [] { fail("file 'x' cannot be written: No space left on device"); };
  CHECK(save.attempt("soon", [] {}));
  CHECK(said.empty());
  for (int i = 0; i < 5; ++i) CHECK_FALSE(save.attempt("in 60 s", full));
  REQUIRE(said.size() == 1);
  CHECK(said[0] ==
        "the checkpoint was not saved: file 'x' cannot be written: No space left on device. Training goes on; it is "
        "tried again in 60 s");
  CHECK(contains(save.error(), "No space left"));
  CHECK(save.attempt("soon", [] {}));
  REQUIRE(said.size() == 2);
  CHECK(said[1] == "the checkpoint is saved again, after 5 failed attempts");
  CHECK(save.error().empty());
}

TEST_CASE("only bitgrain's errors are tolerated, and nobody needs to listen") {
  TolerantSave save("it", {});
  CHECK_FALSE(save.attempt("later", [] { fail("no"); }));
  CHECK(save.error() == "no");
  CHECK_THROWS_AS(save.attempt("later", [] { throw 1; }), int);
}
