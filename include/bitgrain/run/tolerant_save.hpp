#pragma once

/// Saving that may fail without ending a run.

#include <chrono>
#include <functional>
#include <string>
#include <utility>

#include "bitgrain/base/check.hpp"

namespace bitgrain {

/// Where hooks say something to people; empty: on nobody's console.
using SayLine = std::function<void(const std::string& line)>;

/// Runs attempts to write something. One that fails (a full disk, a folder that went away) is reported and forgotten,
/// because the next one writes all of it anew; the owner looks at `error` when the run is over.
class TolerantSave {
 public:
  /// `what` begins the messages: "the checkpoint".
  TolerantSave(std::string what, SayLine say) : what_(std::move(what)), say_(std::move(say)) {}

  /// Calls `write`; false if it threw Error. `next` says when it will be tried again.
  template <class Write>
  bool attempt(const std::string& next, Write&& write) {
#if BITGRAIN_HAS_EXCEPTIONS
    try {
      write();
    } catch (const Error& error) {
      error_ = error.what();
      // Every attempt is a try, but not every one a line: a full disk stays full for a while.
      const auto now = std::chrono::steady_clock::now();
      if (failures_++ == 0 || now - last_said_ > std::chrono::seconds(30)) {
        last_said_ = now;
        say(what_ + " was not saved: " + error_ + ". Training goes on; it is tried again " + next);
      }
      return false;
    }
#else
    write();
#endif
    if (failures_ > 0) say(what_ + " is saved again, after " + std::to_string(failures_) + " failed attempts");
    failures_ = 0;
    error_.clear();
    return true;
  }

  /// Why the last attempt failed; empty: it did not.
  const std::string& error() const { return error_; }

 private:
  void say(const std::string& line) const {
    if (say_) say_(line);
  }

  std::string what_, error_;
  SayLine say_;
  int failures_ = 0;
  std::chrono::steady_clock::time_point last_said_{};
};

}  // namespace bitgrain
