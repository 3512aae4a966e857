#pragma once

/// Which bits where: the answer of every search, the input of every fine-tune and every cost model.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bitgrain/base/check.hpp"

namespace bitgrain {

/// Bits by name, in the order in which the names were first set (that of the network).
class BitsByName {
 public:
  using Entry = std::pair<std::string, int>;

  BitsByName() = default;
  BitsByName(std::initializer_list<Entry> entries) {
    for (const auto& [name, bits] : entries) set(name, bits);
  }

  /// Sets or replaces an entry. Throws Error unless 1 <= bits <= 32; 32 stands for float.
  void set(const std::string& name, int bits) {
    BITGRAIN_CHECK(bits >= 1 && bits <= 32, "bits of \"", name, "\" must be 1 to 32, got ", bits);
    const auto [place, added] = index_.emplace(name, entries_.size());
    if (added)
      entries_.emplace_back(name, bits);
    else
      entries_[place->second].second = bits;
  }
  bool contains(const std::string& name) const { return index_.contains(name); }
  /// Throws Error if there is no such entry.
  int at(const std::string& name) const {
    const auto place = index_.find(name);
    BITGRAIN_CHECK(place != index_.end(), "the allocation has no bits for \"", name, "\"");
    return entries_[place->second].second;
  }
  /// The bits of `name`, `otherwise` if there is no such entry.
  int get(const std::string& name, int otherwise) const {
    const auto place = index_.find(name);
    return place == index_.end() ? otherwise : entries_[place->second].second;
  }

  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

  /// Same bits for the same names, in whatever order.
  friend bool operator==(const BitsByName& a, const BitsByName& b) {
    return a.size() == b.size() &&
           std::all_of(a.begin(), a.end(), [&](const Entry& entry) { return b.get(entry.first, 0) == entry.second; });
  }

  /// How many different bit-widths occur.
  int distinct() const {
    std::uint64_t seen = 0;
    for (const Entry& entry : entries_) seen |= std::uint64_t{1} << entry.second;
    int count = 0;
    for (; seen != 0; seen &= seen - 1) ++count;
    return count;
  }

 private:
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t> index_;
};

/// Weight bits by layer and activation bits by tensor. A tensor carries the name of the op that makes it.
struct Allocation {
  BitsByName weights;
  BitsByName activations;

  friend bool operator==(const Allocation&, const Allocation&) = default;

  /// sum n b / sum n over `layers` (name and number of weights). Throws Error if a layer has no entry or there are no
  /// weights at all.
  double average_weight_bits(const std::vector<std::pair<std::string, std::int64_t>>& layers) const {
    std::int64_t bits = 0, count = 0;
    for (const auto& [name, size] : layers) {
      bits += size * weights.at(name);
      count += size;
    }
    BITGRAIN_CHECK(count > 0, "average weight bits need at least one weight");
    return static_cast<double>(bits) / static_cast<double>(count);
  }

  /// One line per entry, names padded to one width: "weights      conv1  4".
  std::string text() const {
    std::size_t width = 0;
    for (const auto* list : {&weights, &activations})
      for (const auto& entry : *list) width = std::max(width, entry.first.size());
    std::string lines;
    const auto append = [&](std::string_view kind, const BitsByName& list) {
      for (const auto& [name, bits] : list)
        lines += std::string(kind) + name + std::string(width - name.size() + 2, ' ') + std::to_string(bits) + "\n";
    };
    append("weights      ", weights);
    append("activations  ", activations);
    return lines;
  }
};

}  // namespace bitgrain
