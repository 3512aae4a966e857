#pragma once

#include <string>

#include "bitgrain/base/check.hpp"

/// The message of the bitgrain::Error that `action` throws; empty if it throws none. Other exceptions pass through.
template <class Action>
std::string error_of(Action&& action) {
  try {
    action();
  } catch (const bitgrain::Error& error) {
    return error.what();
  }
  return {};
}

/// Whether `text` holds `part`.
inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
