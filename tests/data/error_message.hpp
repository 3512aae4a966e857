#pragma once

#include <string>

#include "bitgrain/base/check.hpp"

namespace bitgrain::testing {

/// The message of the Error that `action` throws; empty if it throws none.
template <class Action>
std::string error_message(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace bitgrain::testing
