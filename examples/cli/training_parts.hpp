#pragma once

#include "bitgrain/data/augment.hpp"
#include "shared_options.hpp"

namespace cli {

/// What --augment and --pad ask for.
bitgrain::Augmentation augmentation_of(const TrainingOptions& options);
/// The images on which metrics look into the layers.
bitgrain::Tensor<std::uint8_t> diagnosed_images(const bitgrain::ImageDataset& images);

}  // namespace cli
