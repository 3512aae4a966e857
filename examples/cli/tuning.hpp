#pragma once

#include <string>

#include "bitgrain/deploy/kernel_choice.hpp"

namespace cli {

/// The times in a file; those that ship if `file` is empty.
bitgrain::deploy::KernelTable kernel_times(const std::string& file);

}  // namespace cli
