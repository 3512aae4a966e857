#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bitgrain/base/atomic_file.hpp"
#include "bitgrain/data/byte_source.hpp"

namespace bitgrain {

/// A CSV file that grows row by row and is whole at every moment: each `save` writes it anew, beside and renamed.
class CsvFile {
 public:
  /// A new file (nothing is written before the first `save`).
  CsvFile(std::string path, const std::vector<std::string>& header) : path_(std::move(path)) { add(header); }

  /// Continues an existing file with the same header: keeps the rows for which `keep(first cell)` holds. A file that
  /// does not exist begins empty. Throws Error if the header differs.
  template <class Keep>
  void continue_from_disk(Keep&& keep) {
    if (!std::filesystem::exists(path_)) return;
    constexpr std::uint64_t kMost = std::uint64_t{1} << 30;
    const std::vector<std::uint8_t> bytes = read_file_bytes(path_, kMost);
    const std::string text(bytes.begin(), bytes.end());
    const auto end_of_header = text.find('\n');
    BITGRAIN_CHECK(end_of_header != std::string::npos && text.substr(0, end_of_header + 1) == text_, "file '", path_,
                   "' has other columns than this run writes");
    for (std::size_t at = end_of_header + 1; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size() - 1);
      const std::string line = text.substr(at, end + 1 - at);
      if (keep(line.substr(0, line.find(',')))) text_ += line;
      at = end + 1;
    }
  }
  /// Adds a row. Cells with commas, quotes or line ends are quoted.
  void add(const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) text_ += (i > 0 ? "," : "") + quoted(cells[i]);
    text_ += "\n";
  }
  void save() const { write_file_atomically(path_, text_); }

 private:
  static std::string quoted(const std::string& cell) {
    if (cell.find_first_of(",\"\n\r") == std::string::npos) return cell;
    std::string result = "\"";
    for (const char c : cell) {
      if (c == '"') result += '"';
      result += c;
    }
    return result + "\"";
  }

  std::string path_, text_;
};

}  // namespace bitgrain
