#pragma once

#include "bitgrain/autograd/var.hpp"

namespace bitgrain::detail {

/// The result of an op that only moves or drops elements stands for the same integer codes as its input. Steps per
/// channel belong to places in the tensor, so they are not passed on.
template <class T>
void pass_codes(const Var<T>& from, Var<T>& to) {
  if (from.quant() != nullptr && !from.quant()->per_channel() && !to.has_code_bytes()) to.set_quant(from.quant());
}

/// Whether real 0 is one of the values of the grid, so that zeros may be inserted: its code is the zero point.
inline bool grid_holds_zero(const QuantInfo& info) {
  if (info.grid == Grid::kOdd) return false;
  if (info.grid == Grid::kPow2 || info.grid == Grid::kPlanes) return info.zero_point == 0;
  const CodeRange range = info.range();
  const bool bipolar = info.bits == 1 && info.grid != Grid::kUnsigned;  // -1 and +1 without 0
  return !bipolar && info.zero_point >= range.low && info.zero_point <= range.high;
}

}  // namespace bitgrain::detail
