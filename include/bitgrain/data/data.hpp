#pragma once

/// Everything about data sets: readers, augmentation, the batch loader. Programs that include it link zlib.

#include "bitgrain/data/augment.hpp"
#include "bitgrain/data/byte_source.hpp"
#include "bitgrain/data/cifar.hpp"
#include "bitgrain/data/class_names.hpp"
#include "bitgrain/data/dataset.hpp"
#include "bitgrain/data/idx.hpp"
#include "bitgrain/data/image.hpp"
#include "bitgrain/data/image_folder.hpp"
#include "bitgrain/data/input_table.hpp"
#include "bitgrain/data/load_dataset.hpp"
#include "bitgrain/data/loader.hpp"
#include "bitgrain/data/mnist.hpp"
#include "bitgrain/data/png_writer.hpp"
#include "bitgrain/data/sheet.hpp"
