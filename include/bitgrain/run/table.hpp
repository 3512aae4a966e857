#pragma once

/// Tables for people, and numbers as people write them.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/base/check.hpp"

namespace bitgrain {

enum class Align { kLeft, kRight };

/// Rows of text in aligned columns.
///
///     Table table({{"layer", Align::kLeft}, {"bits", Align::kRight}});
///     table.add({"conv1", "4"});
class Table {
 public:
  struct Column {
    std::string title;
    Align align = Align::kRight;
  };
  Table(std::initializer_list<Column> columns) : columns_(columns) {}

  /// Throws Error unless there is one cell per column.
  void add(std::vector<std::string> cells) {
    BITGRAIN_CHECK(cells.size() == columns_.size(), "a row of this table has ", columns_.size(), " cells, got ",
                   cells.size());
    rows_.push_back(std::move(cells));
  }
  /// A line between the rows before and after (totals).
  void add_rule() { rows_.emplace_back(); }

  /// The title line, a rule, the rows; a newline behind each. Two spaces between columns, none at the end of a line.
  std::string text() const {
    std::vector<std::size_t> widths;
    for (const Column& column : columns_) widths.push_back(letters(column.title));
    for (const auto& row : rows_)
      for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], letters(row[i]));
    std::size_t total = 2 * (widths.size() - 1);
    for (const std::size_t width : widths) total += width;
    const std::string rule = std::string(total, '-') + "\n";
    std::vector<std::string> titles;
    for (const Column& column : columns_) titles.push_back(column.title);
    std::string text = line(titles, widths) + rule;
    for (const auto& row : rows_) text += row.empty() ? rule : line(row, widths);
    return text;
  }

 private:
  // Characters of UTF-8 text: continuation bytes take no room.
  static std::size_t letters(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
  }
  std::string line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) const {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string space(widths[i] - letters(cells[i]), ' ');
      if (i > 0) line += "  ";
      line += columns_[i].align == Align::kLeft ? cells[i] + space : space + cells[i];
    }
    return line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// "12.34" with so many decimals.
inline std::string fixed_text(double value, int decimals) {
  char buffer[400];
  std::snprintf(buffer, sizeof buffer, "%.*f", decimals, value);
  return buffer;
}
/// "97.85 %" of a share of 0.9785.
inline std::string percent_text(double share, int decimals = 2) { return fixed_text(100 * share, decimals) + " %"; }
/// "1,234,567".
inline std::string count_text(std::int64_t value) {
  std::string digits = std::to_string(value);
  const std::size_t first = value < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}
/// "512 B", "12.3 KB", "4.56 MB"; KB = 1024 bytes.
inline std::string bytes_text(double bytes) {
  if (bytes < 1024) return fixed_text(bytes, 0) + " B";
  if (bytes < 1024.0 * 1024) return fixed_text(bytes / 1024, 1) + " KB";
  return fixed_text(bytes / (1024.0 * 1024), 2) + " MB";
}
/// "0:07", "12:34", "1:02:03".
inline std::string duration_text(double seconds) {
  const auto s = static_cast<long long>(seconds + 0.5);
  char buffer[64];
  if (s >= 3600)
    std::snprintf(buffer, sizeof buffer, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
  else
    std::snprintf(buffer, sizeof buffer, "%lld:%02lld", s / 60, s % 60);
  return buffer;
}

}  // namespace bitgrain
