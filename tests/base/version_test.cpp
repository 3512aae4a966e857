#include "bitgrain/base/version.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

TEST_CASE("the version string is made of the three numbers") {
  std::ostringstream expected;
  expected << BITGRAIN_VERSION_MAJOR << '.' << BITGRAIN_VERSION_MINOR << '.' << BITGRAIN_VERSION_PATCH;
  CHECK(bitgrain::kVersion == expected.str());
}

TEST_CASE("CMake read the same version from the header") {
  CHECK(std::string(bitgrain::kVersion) == BITGRAIN_PROJECT_VERSION);
}

TEST_CASE("the change log has an entry for the version") {
  std::ifstream file(BITGRAIN_SOURCE_DIR "/CHANGELOG.md");
  REQUIRE(file.is_open());
  std::stringstream text;
  text << file.rdbuf();
  CHECK(text.str().find("## " + std::string(bitgrain::kVersion)) != std::string::npos);
}
