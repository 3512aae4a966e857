#pragma once

#include <cstdint>
#include <functional>

namespace bitgrain {

/// A gradient that is calculated where it is read: a few leading indices (images) at a time, into memory of the
/// reader's, which stays in a cache. An op whose gradient is one cheap pass over what it holds anyway (the second
/// pass of batch norm) hands it over in this form to an op that would read all of it more than once (a convolution:
/// for dw and for dx), so that it never goes through memory.
template <class T>
struct GradientPieces {
  /// Writes the gradient of the leading indices [begin, end) to `to`. The same at every call, whatever the pieces.
  std::function<void(std::int64_t begin, std::int64_t end, T* to)> write;

  explicit operator bool() const { return write != nullptr; }
};

}  // namespace bitgrain
