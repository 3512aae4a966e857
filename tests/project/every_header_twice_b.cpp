#include "every_header.hpp"

const char* version_seen_by_the_other();
const char* version_seen_by_the_other() { return bitgrain::kVersion; }
