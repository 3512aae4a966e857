// The second witness: engine against the same network in double.

#include "bitgrain/train/witness.hpp"

#include "network.hpp"

namespace cli {

using namespace bitgrain;

DoubleComparison compare_with_double(Network& network, const deploy::IntegerNetwork& lowered,
                                     const ImageDataset& images) {
  const auto twin = double_twin(network);
  const WitnessReport report = bitgrain::compare_with_double(*twin, lowered, network.spec.encoding, images.images);
  DoubleComparison found{report.worst_share(), report.largest_difference(), ""};
  for (const CodeFlips& tensor : report.tensors)
    if (tensor.share() == found.worst_share) {
      found.worst_tensor = tensor.tensor;
      break;
    }
  return found;
}

}  // namespace cli
