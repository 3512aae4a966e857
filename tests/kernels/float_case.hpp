#pragma once

/// What the tests of the float kernels share: random arrays with guards around them, and comparison within a bound.

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/base/random.hpp"
#include "bitgrain/kernels/simd.hpp"

/// Element types and vector lengths that every kernel is tested with.
#define BITGRAIN_FLOAT_CASES                                                                           \
  FloatCase<float, bitgrain::kernels::DefaultArch>, FloatCase<double, bitgrain::kernels::DefaultArch>, \
      FloatCase<float, bitgrain::kernels::ScalarArch>

template <class Element, class Architecture>
struct FloatCase {
  using T = Element;
  using Arch = Architecture;
};

/// An array that starts `misaligned` elements after an aligned address, between guards that must not be written.
/// Under AddressSanitizer nothing stands behind it, so that reading beyond its end is an error too.
template <class T>
class Guarded {
 public:
  explicit Guarded(std::int64_t count, std::int64_t misaligned = 0)
      : count_(count),
        first_(kGuard + misaligned),
        memory_(static_cast<std::size_t>(first_ + count + kBehind), kMark) {}
  ~Guarded() {
    bool intact = true;
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(memory_.size()); ++i)
      if (i < first_ || i >= first_ + count_) intact = intact && memory_[static_cast<std::size_t>(i)] == kMark;
    CHECK_MESSAGE(intact, "memory before or behind an array of ", count_, " was written");
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  T* data() { return memory_.data() + first_; }
  const T* data() const { return memory_.data() + first_; }
  std::int64_t size() const { return count_; }
  T& operator[](std::int64_t i) { return data()[i]; }
  T operator[](std::int64_t i) const { return data()[i]; }
  bool operator==(const Guarded& other) const { return values() == other.values(); }
  std::vector<T> values() const { return {data(), data() + count_}; }

 private:
  static constexpr std::int64_t kGuard = 64;
#if defined(__SANITIZE_ADDRESS__)
  static constexpr std::int64_t kBehind = 0;
#else
  static constexpr std::int64_t kBehind = kGuard;
#endif
  static constexpr T kMark = T(12345.5);
  std::int64_t count_, first_;
  std::vector<T> memory_;
};

/// Fills `a` with numbers in [low, high).
template <class T>
void fill_random(Guarded<T>& a, bitgrain::RandomStream& random, double low = -1, double high = 1) {
  for (std::int64_t i = 0; i < a.size(); ++i) a[i] = static_cast<T>(random.uniform(low, high));
}

/// Checks that |got - expected| <= units * epsilon for all elements. Say in `units` why: terms times magnitude.
template <class T>
void check_close(const Guarded<T>& got, const Guarded<T>& expected, double units, const std::string& what) {
  const double bound = units * double{std::numeric_limits<T>::epsilon()};
  double worst = 0;
  std::int64_t at = -1;
  for (std::int64_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(double{got[i]} - double{expected[i]});
    if (!(error <= worst)) {  // NaN too
      worst = error;
      at = i;
    }
  }
  CHECK_MESSAGE(worst <= bound, what, ": element ", at, " of ", got.size(), " is off by ", worst, ", bound ", bound);
}

/// Runs `action` at 1, 2 and 3 threads and returns its three results.
template <class Action>
auto at_threads(Action action) {
  const int before = bitgrain::num_threads();
  std::vector<decltype(action())> results;
  for (const int threads : {1, 2, 3}) {
    bitgrain::set_num_threads(threads);
    results.push_back(action());
  }
  bitgrain::set_num_threads(before);
  return results;
}

/// The sizes at which vector loops go wrong: 0 to 17 and around powers of two.
inline const std::vector<std::int64_t>& awkward_sizes() {
  static const std::vector<std::int64_t> sizes{0,  1,  2,  3,  4,  5,  6,  7,  8,  9,   10,  11,  12,   13,   14,
                                               15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000, 1023, 1025};
  return sizes;
}
