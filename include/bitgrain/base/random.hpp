#pragma once

/// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as
/// 1, 2, 3", SC 2011). A number is a pure function of (seed, stream, index), so results do not depend on threads or
/// on the order of calls. Every consumer has a stream of its own, named by a string.

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>
#include <utility>
#include <vector>

namespace bitgrain {

/// The bijection Philox4x32-10: 128 bits of counter and 64 bits of key to 128 random bits.
constexpr std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                  std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(p1),
               static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(p0)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

/// One stream of random numbers. Copyable; its whole state is (seed, stream, position), which a checkpoint stores.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}
  /// The stream called `name`: two names never share numbers (64-bit FNV-1a hash of the name).
  RandomStream(std::uint64_t seed, std::string_view name) : RandomStream(seed, hash(name)) {}

  std::uint64_t seed() const { return seed_; }
  std::uint64_t stream() const { return stream_; }
  /// Index of the next number; assign it to resume or to jump.
  std::uint64_t position() const { return position_; }
  void set_position(std::uint64_t position) { position_ = position; }

  /// The `index`-th 32 random bits of the stream; does not move the position.
  std::uint32_t bits_at(std::uint64_t index) const {
    const std::uint64_t block = index / 4;
    if (block != cached_block_) {
      cache_ = philox4x32({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
                           static_cast<std::uint32_t>(stream_), static_cast<std::uint32_t>(stream_ >> 32)},
                          {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)});
      cached_block_ = block;
    }
    return cache_[index % 4];
  }
  std::uint32_t next_bits() { return bits_at(position_++); }

  /// Uniform in the open interval (0, 1), 32 random bits: never 0 or 1, so log and logit are safe.
  double uniform() { return (next_bits() + 0.5) * 0x1p-32; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Standard normal (Box-Muller; takes two numbers).
  double normal() {
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
  }
  bool bernoulli(double probability) { return uniform() < probability; }
  /// Standard Gumbel: -log(-log u).
  double gumbel() { return -std::log(-std::log(uniform())); }
  /// Uniform integer in [0, bound), bound < 2^32 (multiply-shift; bias below bound / 2^32).
  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>((std::uint64_t{next_bits()} * bound) >> 32);
  }
  /// A uniform permutation of 0..count-1 (Fisher-Yates).
  std::vector<std::uint32_t> permutation(std::uint32_t count) {
    std::vector<std::uint32_t> order(count);
    for (std::uint32_t i = 0; i < count; ++i) order[i] = i;
    for (std::uint32_t i = count; i > 1; --i) std::swap(order[i - 1], order[below(i)]);
    return order;
  }

  static constexpr std::uint64_t hash(std::string_view name) {
    std::uint64_t h = 0xCBF29CE484222325u;
    for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
    return h;
  }

 private:
  std::uint64_t seed_, stream_, position_ = 0;
  mutable std::uint64_t cached_block_ = ~std::uint64_t{0};
  mutable std::array<std::uint32_t, 4> cache_{};
};

}  // namespace bitgrain
