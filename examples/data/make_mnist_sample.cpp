// Makes the MNIST subset that ships in examples/data/mnist from the full set:
//
//     make_mnist_sample FOLDER_OF_FULL_MNIST OUTPUT_FOLDER
//
// The first 1000 training and the first 200 test images of every digit, in the order of the original files. Each part
// becomes a grey PNG sheet (one row = one image of 28 x 28 bytes) and a text file with one label per line.

#include <cstdio>
#include <filesystem>
#include <string>

#include "bitgrain/data/mnist.hpp"
#include "bitgrain/data/png_writer.hpp"

namespace {
void write_part(const bitgrain::ImageDataset& full, std::int64_t per_class, const std::filesystem::path& stem) {
  const bitgrain::ImageDataset part = full.stratified(per_class);
  bitgrain::write_png(stem.string() + ".png", part.images.reshape({part.size(), 28 * 28, 1}));
  std::string labels;
  for (const std::int32_t label : part.labels) labels += std::to_string(label) + "\n";
  bitgrain::write_file_atomically(stem.string() + "_labels.txt", labels);
}
}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: make_mnist_sample FOLDER_OF_FULL_MNIST OUTPUT_FOLDER\n");
    return 2;
  }
  try {
    const bitgrain::DatasetSplits full = bitgrain::load_mnist(argv[1]);
    const std::filesystem::path output(argv[2]);
    write_part(full.train, 1000, output / "train");
    write_part(full.test, 200, output / "test");
  } catch (const bitgrain::Error& error) {
    std::fprintf(stderr, "make_mnist_sample: %s\n", error.what());
    return 1;
  }
}
