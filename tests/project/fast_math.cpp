// Must not compile with -ffast-math or its parts: tests/CMakeLists.txt tries.
#include "bitgrain/base/check.hpp"
