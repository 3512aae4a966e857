#pragma once

/// Short times as people write them: "412 ns", "2.5 ms".

#include <cmath>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <string>

namespace bitgrain {

namespace detail {
struct TimeUnit {
  const char* name;
  double per_second;
};
inline constexpr TimeUnit kTimeUnits[] = {{"s", 1}, {"ms", 1e3}, {"us", 1e6}, {"ns", 1e9}};
}  // namespace detail

/// In the largest unit that leaves a number of at least 1, with as many digits as it has, at most 12.
inline std::string seconds_text(double seconds) {
  const detail::TimeUnit* unit = &detail::kTimeUnits[3];
  for (const detail::TimeUnit& larger : detail::kTimeUnits)
    if (std::abs(seconds) * larger.per_second >= 1) {
      unit = &larger;
      break;
    }
  std::ostringstream text;
  text.precision(12);
  text << seconds * unit->per_second << " " << unit->name;
  return text.str();
}

/// "2.5ms", "310 us": a number and a unit (s, ms, us, ns), in seconds. Nothing if it is something else.
inline std::optional<double> seconds_from_text(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || !std::isfinite(number)) return {};
  while (*end == ' ') ++end;
  for (const detail::TimeUnit& unit : detail::kTimeUnits)
    if (std::string(end) == unit.name) return number / unit.per_second;
  return {};
}

}  // namespace bitgrain
