#pragma once

/// Which items are still possible at a node of the search tree, with undo.
///
/// Each group keeps its items in a sparse set: the first `count` entries of its list are live. Removing an item swaps
/// it with the last live one, so undoing removals only restores counts, and a scan touches live items alone.

#include <cstddef>
#include <utility>
#include <vector>

#include "bitgrain/search/mckp_core.hpp"

namespace bitgrain::mckp {

class LiveItems {
 public:
  explicit LiveItems(const Core& core)
      : core_(core), list_(core.value.size()), position_(core.value.size()), count_(group_count(core)) {
    for (std::size_t item = 0; item < list_.size(); ++item) list_[item] = position_[item] = static_cast<int>(item);
    for (std::size_t g = 0; g < count_.size(); ++g) count_[g] = core.begin[g + 1] - core.begin[g];
  }

  int count(int group) const { return count_[static_cast<std::size_t>(group)]; }
  /// The live items of a group, in no particular order: first(g)[0 .. count(g) - 1].
  const int* first(int group) const { return list_.data() + core_.begin[static_cast<std::size_t>(group)]; }
  bool contains(int item) const {
    const auto g = static_cast<std::size_t>(core_.group_of[static_cast<std::size_t>(item)]);
    return position_[static_cast<std::size_t>(item)] < core_.begin[g] + count_[g];
  }

  /// Removes a live item. The last one of a group must not be removed.
  void remove(int item) {
    const auto g = static_cast<std::size_t>(core_.group_of[static_cast<std::size_t>(item)]);
    trail_.push_back(static_cast<int>(g));
    --count_[g];
    const auto hole = static_cast<std::size_t>(position_[static_cast<std::size_t>(item)]);
    const auto last = static_cast<std::size_t>(core_.begin[g] + count_[g]);
    std::swap(list_[hole], list_[last]);
    position_[static_cast<std::size_t>(list_[hole])] = static_cast<int>(hole);
    position_[static_cast<std::size_t>(list_[last])] = static_cast<int>(last);
  }

  /// How many removals are in force; `undo_to` takes back all later ones.
  std::size_t mark() const { return trail_.size(); }
  void undo_to(std::size_t mark) {
    for (; trail_.size() > mark; trail_.pop_back()) ++count_[static_cast<std::size_t>(trail_.back())];
  }

 private:
  static std::size_t group_count(const Core& core) { return static_cast<std::size_t>(core.groups); }

  const Core& core_;
  std::vector<int> list_, position_, count_;
  std::vector<int> trail_;  // the group of every removal, oldest first
};

}  // namespace bitgrain::mckp
