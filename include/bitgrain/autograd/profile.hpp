#pragma once

/// Where the time of a training step goes.
///
/// A step is one sequence of things on one thread (threads live inside kernels), so a profile needs no beginnings,
/// only ends: whoever finishes something marks it, and everything since the last mark is booked on it. Ops mark their
/// forward, the tape marks each node's backward, the trainer marks the rest; so all of a step is booked on something.
/// Without a live Profile a mark costs one comparison.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bitgrain {

/// What one kind of work took, in total.
struct ProfileEntry {
  std::string phase;  ///< "forward", "backward", or "step" for what the trainer itself does
  std::string what;   ///< name of the op
  std::int64_t calls = 0;
  double seconds = 0;
};

/// While one lives, marks of this thread are booked in it.
class Profile {
 public:
  Profile() : outer_(std::exchange(current(), this)), last_(Clock::now()) {}
  ~Profile() { current() = outer_; }
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  /// Books the time since the last mark.
  void mark(std::string_view phase, std::string_view what) {
    const Clock::time_point now = Clock::now();
    ProfileEntry& entry = find(phase, what);
    ++entry.calls;
    entry.seconds += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }
  /// Forgets the time since the last mark: what happened between is not profiled.
  void skip() { last_ = Clock::now(); }

  /// The entries, the longest first.
  std::vector<ProfileEntry> entries() const {
    std::vector<ProfileEntry> sorted = entries_;
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const ProfileEntry& a, const ProfileEntry& b) { return a.seconds > b.seconds; });
    return sorted;
  }

  static Profile*& current() {
    thread_local Profile* profile = nullptr;
    return profile;
  }

 private:
  using Clock = std::chrono::steady_clock;

  // A few dozen kinds at most: a search along them is cheaper than what it books.
  ProfileEntry& find(std::string_view phase, std::string_view what) {
    for (ProfileEntry& entry : entries_)
      if (entry.what == what && entry.phase == phase) return entry;
    return entries_.emplace_back(ProfileEntry{std::string(phase), std::string(what), 0, 0});
  }

  Profile* outer_;
  Clock::time_point last_;
  std::vector<ProfileEntry> entries_;
};

/// While one lives, nothing is booked on this thread.
class ProfilePause {
 public:
  ProfilePause() : paused_(std::exchange(Profile::current(), nullptr)) {}
  ~ProfilePause() {
    Profile::current() = paused_;
    if (paused_) paused_->skip();
  }
  ProfilePause(const ProfilePause&) = delete;
  ProfilePause& operator=(const ProfilePause&) = delete;

 private:
  Profile* paused_;
};

/// Books the time since the last mark in the live profile, if there is one.
inline void profile_mark(std::string_view phase, std::string_view what) {
  if (Profile* profile = Profile::current()) [[unlikely]]
    profile->mark(phase, what);
}

}  // namespace bitgrain
