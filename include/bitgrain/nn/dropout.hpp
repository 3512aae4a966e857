#pragma once

#include <string>

#include "bitgrain/nn/module.hpp"
#include "bitgrain/ops/dropout.hpp"

namespace bitgrain {

/// In training sets each element to 0 with probability p and scales the others by 1 / (1 - p) (Srivastava et al.,
/// JMLR 2014); in evaluation it passes its input on. Draws from a stream of its own: that of the seed and the
/// module's full name, so no two dropouts share masks and no other consumer moves them.
template <class T>
class Dropout : public Module<T> {
 public:
  explicit Dropout(double p = 0.5, std::uint64_t seed = 0) : p_(p), stream_(seed, std::string_view()) {
    BITGRAIN_CHECK(p >= 0 && p < 1, "Dropout: the probability must be in [0, 1), got ", p);
    this->register_stream("", stream_);
  }

  Var<T> forward(const Var<T>& x) override {
    if (!this->training() || p_ == 0) return x;
    if (const std::uint64_t own = RandomStream::hash(this->name()); stream_.stream() != own) {
      // The name came after construction. Keep the position: a checkpoint may have set it.
      RandomStream named(stream_.seed(), own);
      named.set_position(stream_.position());
      stream_ = named;
    }
    return dropout(x, p_, stream_);
  }
  std::string describe() const override { return detail::concat("Dropout(", p_, ")"); }

  double probability() const { return p_; }
  RandomStream& stream() { return stream_; }

 private:
  double p_;
  RandomStream stream_;
};

}  // namespace bitgrain
