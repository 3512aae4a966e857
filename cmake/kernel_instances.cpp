// The kernels of this project's own programs, compiled once.
#include "bitgrain/kernels/instances.hpp"
