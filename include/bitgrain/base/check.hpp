#pragma once

/// Errors: `BITGRAIN_CHECK(condition, "what was expected, what came: ", value)` throws `bitgrain::Error`.
/// Built with -fno-exceptions it calls a replaceable handler instead, which must not return; a message of numbers and
/// text then takes nothing from the heap.

#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \
    (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "bitgrain must not be compiled with -ffast-math: requantization constants and gradients need IEEE arithmetic"
#endif

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

#include "bitgrain/base/report.hpp"

#if defined(__cpp_exceptions) || defined(__EXCEPTIONS)
#define BITGRAIN_HAS_EXCEPTIONS 1
#else
#define BITGRAIN_HAS_EXCEPTIONS 0
#endif

namespace bitgrain {

/// Every failure that bitgrain reports. `what()` names the thing, what was expected and what came.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Receives the message of a failed check in a build without exceptions. It must not return.
using ErrorHandler = void (*)(const char* message);

namespace detail {
inline ErrorHandler& error_handler() {
  static ErrorHandler handler = [](const char* message) {
    std::fprintf(stderr, "bitgrain: %s\n", message);
    std::abort();
  };
  return handler;
}

template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return std::move(text).str();
}
}  // namespace detail

/// Replaces the handler that builds without exceptions call, and returns the old one.
inline ErrorHandler set_error_handler(ErrorHandler handler) {
  return std::exchange(detail::error_handler(), handler);
}

/// Reports `message`: throws Error, or calls the error handler in a build without exceptions.
[[noreturn]] inline void raise(const char* message) {
#if BITGRAIN_HAS_EXCEPTIONS
  throw Error(message);
#else
  detail::error_handler()(message);
  std::abort();
#endif
}
[[noreturn]] inline void raise(const std::string& message) { raise(message.c_str()); }

/// Reports the concatenation of `parts` (anything an ostream takes).
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  if constexpr (!BITGRAIN_HAS_EXCEPTIONS && (Reportable<Parts> && ...)) {
    char text[1024];
    Report(text).fail(parts...);
    raise(text);
  } else {
    raise(detail::concat(parts...));
  }
}

}  // namespace bitgrain

#define BITGRAIN_CHECK(condition, ...) \
  do {                                 \
    if (!(condition)) [[unlikely]] {   \
      ::bitgrain::fail(__VA_ARGS__);   \
    }                                  \
  } while (false)
