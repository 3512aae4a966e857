#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/base/check.hpp"

namespace bitgrain {

/// Bits by name, in the order they were first set.
class BitMap {
 public:
  BitMap() = default;
  BitMap(std::initializer_list<std::pair<std::string, int>> entries) {
    for (const auto& [name, bits] : entries) set(name, bits);
  }

  /// Sets or replaces. Throws Error unless 1 <= bits <= 8, or 32 for "left in float".
  void set(const std::string& name, int bits) {
    BITGRAIN_CHECK((bits >= 1 && bits <= 8) || bits == 32, "bits of '", name, "' must be 1 to 8 (or 32: float), got ",
                   bits);
    for (auto& entry : entries_) {
      if (entry.first != name) continue;
      entry.second = bits;
      return;
    }
    entries_.emplace_back(name, bits);
  }
  /// Bits of `name`, or nothing.
  std::optional<int> get(const std::string& name) const {
    for (const auto& entry : entries_)
      if (entry.first == name) return entry.second;
    return {};
  }
  const std::vector<std::pair<std::string, int>>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }

  /// The same names with the same bits, in any order.
  friend bool operator==(const BitMap& a, const BitMap& b) {
    return a.size() == b.size() && std::all_of(a.entries_.begin(), a.entries_.end(), [&b](const auto& entry) {
             return b.get(entry.first) == entry.second;
           });
  }

 private:
  std::vector<std::pair<std::string, int>> entries_;
};

/// How many bits each layer's weights and each activation tensor get. Weights go by the name of their layer, tensors
/// by the name of the op that makes them. What every search returns and every fine-tune and cost model takes. JSON in
/// and out: run/solve_json.hpp.
struct Allocation {
  BitMap weights, activations;

  friend bool operator==(const Allocation&, const Allocation&) = default;
  std::string text() const {
    std::string out;
    for (const auto& [name, bits] : weights.entries()) out += "w " + name + " " + std::to_string(bits) + "\n";
    for (const auto& [name, bits] : activations.entries()) out += "a " + name + " " + std::to_string(bits) + "\n";
    return out;
  }
};

}  // namespace bitgrain
