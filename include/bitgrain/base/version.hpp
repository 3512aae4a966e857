#pragma once

/// The version of bitgrain. CMake reads it from here; there is no second place to change.

#define BITGRAIN_VERSION_MAJOR 0
#define BITGRAIN_VERSION_MINOR 1
#define BITGRAIN_VERSION_PATCH 0

#define BITGRAIN_DETAIL_STRING(x) #x
#define BITGRAIN_DETAIL_VERSION(major, minor, patch) \
  BITGRAIN_DETAIL_STRING(major) "." BITGRAIN_DETAIL_STRING(minor) "." BITGRAIN_DETAIL_STRING(patch)

namespace bitgrain {

/// "major.minor.patch" of the headers that a program was compiled with.
inline constexpr const char* kVersion =
    BITGRAIN_DETAIL_VERSION(BITGRAIN_VERSION_MAJOR, BITGRAIN_VERSION_MINOR, BITGRAIN_VERSION_PATCH);

}  // namespace bitgrain

#undef BITGRAIN_DETAIL_VERSION
#undef BITGRAIN_DETAIL_STRING
