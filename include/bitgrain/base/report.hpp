#pragma once

/// Why something from outside was refused, for code that must neither throw nor allocate: the first message, in
/// memory of the caller and cut to its size; a number that does not fit is left out whole.
///
///     bool check(int bits, Report& report) {
///       BITGRAIN_EXPECT(report, bits <= 8, "at most 8 bits were expected, got ", bits);
///       return true;
///     }

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string_view>
#include <system_error>

namespace bitgrain {

/// What `Report::fail` returns: false, or -1, or nothing at an address.
struct Failure {
  operator bool() const { return false; }
  operator std::int64_t() const { return -1; }
  template <class T>
  operator const T*() const {
    return nullptr;
  }
};

class Report {
 public:
  /// Keeps the message in `text`, ended by 0. There may be no room at all.
  explicit Report(std::span<char> text) : text_(text) {
    if (!text_.empty()) text_[0] = 0;
  }

  bool failed() const { return failed_; }
  std::string_view text() const { return {text_.data(), length_}; }

  /// Notes the concatenation of `parts` if nothing failed before: numbers, text, and what has append_to(Report&).
  template <class... Parts>
  Failure fail(const Parts&... parts) {
    if (!failed_) (append(parts), ...);
    failed_ = true;
    return {};
  }

  void append(std::string_view text) {
    if (text_.empty()) return;
    const std::size_t count = std::min(text.size(), text_.size() - 1 - length_);
    std::copy_n(text.data(), count, text_.data() + length_);
    length_ += count;
    text_[length_] = 0;
  }
  template <std::integral Number>
  requires(!std::same_as<Number, bool> && !std::same_as<Number, char>) void append(Number number) {
    if (text_.empty()) return;
    char* const end = text_.data() + text_.size() - 1;
    const auto [after, error] = std::to_chars(text_.data() + length_, end, number);
    if (error == std::errc{}) length_ = static_cast<std::size_t>(after - text_.data());
    text_[length_] = 0;
  }
  template <std::floating_point Number>
  void append(Number number) {
    char digits[32];
    append(
        std::string_view(digits, static_cast<std::size_t>(std::max(
                                     0, std::snprintf(digits, sizeof digits, "%g", static_cast<double>(number))))));
  }
  template <class Part>
  requires requires(const Part& part, Report& report) { part.append_to(report); }
  void append(const Part& part) { part.append_to(*this); }

 private:
  std::span<char> text_;
  std::size_t length_ = 0;
  bool failed_ = false;
};

/// What a report can append.
template <class Part>
concept Reportable = requires(Report& report, const Part& part) {
  report.append(part);
};

}  // namespace bitgrain

/// Leaves the function with the report's Failure unless the condition holds.
#define BITGRAIN_EXPECT(report, condition, ...) \
  do {                                          \
    if (!(condition)) [[unlikely]]              \
      return (report).fail(__VA_ARGS__);        \
  } while (false)
