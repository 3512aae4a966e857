// With every_header_twice_b.cpp: a function of a header that is not inline is defined twice, and the linker says so.
#include <cstdio>
#include <cstring>

#include "every_header.hpp"

const char* version_seen_by_the_other();

int main() {
  std::printf("bitgrain %s\n", bitgrain::kVersion);
  return std::strcmp(version_seen_by_the_other(), bitgrain::kVersion) == 0 ? 0 : 1;
}
