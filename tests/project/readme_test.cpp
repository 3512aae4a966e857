// The code that README shows is a program that the build compiles.
#include <doctest/doctest.h>

#include <string>

#include "project/source_tree.hpp"

TEST_CASE("README shows examples/readme.cpp word for word") {
  const std::string readme = source_tree::read(source_tree::root() / "README.md");
  if (readme.empty()) {
    MESSAGE("there is no README.md yet");
    return;
  }
  const std::string program = source_tree::read(source_tree::root() / "examples/readme.cpp");
  REQUIRE(!program.empty());
  CHECK(readme.find("```cpp\n" + program + "```") != std::string::npos);
}
