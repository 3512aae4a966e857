// Turns CIFAR-10 as a PNG sheet (1024 x N RGB, one row = one image of 32 x 32 pixels) and a JSON list of labels into
// the original binary format: per image one label byte and the red, green and blue plane.
//
//     convert_cifar SHEET.png LABELS.json FIRST_LABEL OUTPUT.bin
//
// FIRST_LABEL says where in the list the labels of this sheet begin (0, 10000, ... for the training batches).

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bitgrain/data/png_writer.hpp"
#include "bitgrain/data/sheet.hpp"

namespace {
// The numbers of "[6,9,9,4,1]".
std::vector<std::uint8_t> read_label_list(const std::string& path) {
  const std::vector<std::uint8_t> text = bitgrain::read_file_bytes(path, std::uint64_t{1} << 24);
  std::vector<std::uint8_t> labels;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = static_cast<char>(text[at]);
    const bool digit = c >= '0' && c <= '9';
    const bool alone = at == 0 || text[at - 1] < '0' || text[at - 1] > '9';
    BITGRAIN_CHECK(digit ? alone : (c == '[' || c == ']' || c == ',' || c == ' ' || c == '\n'), "file '", path,
                   "', offset ", at, ": expected a list of labels 0..9, got '", c, "'");
    if (digit) labels.push_back(static_cast<std::uint8_t>(c - '0'));
  }
  return labels;
}

void convert(const std::string& sheet_path, const std::string& labels_path, std::size_t first,
             const std::string& output) {
  const auto images = bitgrain::read_sheet(sheet_path, 32, 32, 3);
  const std::vector<std::uint8_t> labels = read_label_list(labels_path);
  const auto count = static_cast<std::size_t>(images.shape()[0]);
  BITGRAIN_CHECK(first <= labels.size() && count <= labels.size() - first, "file '", labels_path, "': expected ",
                 count, " labels from number ", first, " on, the list has ", labels.size());
  std::vector<std::uint8_t> records;
  records.reserve(count * 3073);
  for (std::size_t i = 0; i < count; ++i) {
    records.push_back(labels[first + i]);
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t p = 0; p < 1024; ++p) records.push_back(images.data()[i * 3072 + p * 3 + c]);
  }
  bitgrain::write_file_atomically(output, records);
}
}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: convert_cifar SHEET.png LABELS.json FIRST_LABEL OUTPUT.bin\n");
    return 2;
  }
  try {
    convert(argv[1], argv[2], std::strtoul(argv[3], nullptr, 10), argv[4]);
  } catch (const bitgrain::Error& error) {
    std::fprintf(stderr, "convert_cifar: %s\n", error.what());
    return 1;
  }
}
