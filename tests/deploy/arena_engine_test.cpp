#include "bitgrain/deploy/arena_engine.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bitgrain/deploy/engine.hpp"
#include "bitgrain/deploy/packed_model.hpp"
#include "deploy/few_bit_network.hpp"
#include "deploy/random_network.hpp"

namespace {
using namespace bitgrain;
using namespace bitgrain::deploy;
using Bytes = std::vector<std::uint8_t>;

// An arena of exactly `bytes` bytes that starts `shift` bytes after a multiple of 64, with a guard on either side.
class GuardedArena {
 public:
  GuardedArena(std::uint64_t bytes, std::size_t shift)
      : bytes_(static_cast<std::size_t>(bytes)), memory_(bytes_ + 3 * 64 + shift, 0xA5) {
    auto* const first = memory_.data() + 64;
    at_ = first + (64 - reinterpret_cast<std::uintptr_t>(first) % 64) % 64 + shift;
  }
  unsigned char* data() const { return at_; }
  std::size_t size() const { return bytes_; }
  bool intact() const {
    const auto guard = [](unsigned char byte) { return byte == 0xA5; };
    return std::all_of(memory_.data(), static_cast<const unsigned char*>(at_), guard) &&
           std::all_of(static_cast<const unsigned char*>(at_) + bytes_, memory_.data() + memory_.size(), guard);
  }

 private:
  std::size_t bytes_;
  std::vector<unsigned char> memory_;
  unsigned char* at_;
};

OpenStatus status_of(const Bytes& model) {
  std::vector<unsigned char> arena(1 << 20);
  ArenaEngine engine;
  char text[200] = "";
  const OpenStatus status = engine.open(model.data(), model.size(), arena.data(), arena.size(), 1, text);
  CHECK(engine.is_open() == (status == OpenStatus::kOpen));
  CHECK((status == OpenStatus::kOpen) == (text[0] == 0));
  return status;
}
}  // namespace

TEST_CASE("logits and classes equal Engine's, for any number of images and wherever the arena lies") {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const IntegerNetwork net = seed == 0 ? deploy_test::few_bit_network() : deploy_test::random_network(seed);
    const Bytes model = pack_model(net);
    const std::int64_t together = 1 + static_cast<std::int64_t>(seed % 5), count = 7;
    const auto images = deploy_test::random_images(net, count, seed);
    const Engine engine(net);
    std::vector<std::int32_t> expected(static_cast<std::size_t>(count * engine.outputs())), logits(expected.size());
    engine.run(images.data(), count, expected.data());

    const std::uint64_t bytes = arena_bytes(model, together);
    const GuardedArena arena(bytes, static_cast<std::size_t>(seed % 64));
    Bytes shifted(seed % 7);  // the model does not have to be aligned
    shifted.insert(shifted.end(), model.begin(), model.end());
    ArenaEngine small;
    REQUIRE(small.open(shifted.data() + seed % 7, model.size(), arena.data(), arena.size(), together) ==
            OpenStatus::kOpen);
    CHECK(small.arena_bytes() == bytes);
    CHECK(small.image_bytes() == engine.image_bytes());
    CHECK(small.outputs() == engine.outputs());
    CHECK(small.run(images.data(), count, logits.data()));
    CHECK_MESSAGE(logits == expected, "seed ", seed);
    std::vector<std::int32_t> classes(static_cast<std::size_t>(count));
    CHECK(small.predict(images.data(), count, classes.data()));
    CHECK(classes == engine.predict(images.data(), count));
    CHECK(arena.intact());
  }
}

TEST_CASE("an arena one byte too small is refused, and the message names both numbers") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Bytes model = pack_model(deploy_test::random_network(seed));
    const std::uint64_t bytes = arena_bytes(model, 2);
    const GuardedArena arena(bytes - 1, static_cast<std::size_t>(seed));
    ArenaEngine engine;
    char text[200];
    CHECK(engine.open(model.data(), model.size(), arena.data(), arena.size(), 2, text) == OpenStatus::kSmallArena);
    CHECK(engine.arena_bytes() == bytes);
    CHECK(std::string(text).find("an arena of " + std::to_string(bytes - 1) + " bytes is too small") == 0);
    CHECK(std::string(text).find("needs " + std::to_string(bytes) + " bytes for 2 images") != std::string::npos);
    CHECK_FALSE(engine.is_open());
    std::int32_t logit = 0;
    CHECK_FALSE(engine.run(nullptr, 0, &logit));
    for (const std::size_t size : {0, 1, 63, 64, 1000}) {
      CHECK(engine.open(model.data(), model.size(), arena.data(), size) == OpenStatus::kSmallArena);
      CHECK(engine.arena_bytes() > size);
    }
    CHECK(engine.open(model.data(), model.size(), nullptr, 0) == OpenStatus::kSmallArena);
    CHECK(arena.intact());
  }
}

TEST_CASE("an engine is opened again with another model, and gives its results") {
  std::vector<unsigned char> arena(1 << 20);
  ArenaEngine engine;
  for (std::uint64_t seed = 20; seed < 25; ++seed) {
    const IntegerNetwork net = deploy_test::random_network(seed);
    const Bytes model = pack_model(net);
    const auto image = deploy_test::random_images(net, 1, seed);
    REQUIRE(engine.open(model.data(), model.size(), arena.data(), arena.size()) == OpenStatus::kOpen);
    std::vector<std::int32_t> expected(static_cast<std::size_t>(engine.outputs())), logits(expected.size());
    Engine(net).run(image.data(), 1, expected.data());
    CHECK(engine.run(image.data(), 1, logits.data()));
    CHECK(logits == expected);
    CHECK_FALSE(engine.run(image.data(), -1, logits.data()));
    CHECK(engine.run(nullptr, 0, nullptr));
  }
}

TEST_CASE("more images at a time take more memory, and numbers beyond the limits are refused") {
  const Bytes model = pack_model(deploy_test::random_network(3));
  CHECK(arena_bytes(model, 5) > arena_bytes(model, 1));
  char text[100];
  CHECK(arena_bytes(model, 0, text) == 0);
  CHECK(std::string(text) == "1 to 4096 images at a time were expected, got 0");
  CHECK(arena_bytes(model, ArenaEngine::kMostImages + 1) == 0);
}

TEST_CASE("float networks, every truncation and every altered byte are refused") {
  CHECK(status_of(pack_model(deploy_test::random_network(3, Arithmetic::kFloat))) == OpenStatus::kFloatModel);
  const Bytes bytes = pack_model(deploy_test::random_network(12));
  CHECK(status_of(bytes) == OpenStatus::kOpen);
  for (std::size_t size = 0; size < bytes.size(); size += size < 200 ? 1 : 37)
    CHECK(status_of({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)}) == OpenStatus::kBadModel);
  for (std::size_t i = 0; i < bytes.size(); i += i < 200 ? 1 : 37) {
    Bytes altered = bytes;
    altered[i] ^= 4;
    CHECK(status_of(altered) == OpenStatus::kBadModel);
  }
}

TEST_CASE("nonsense under a valid checksum is refused with the message of unpack_model, or gives Engine's logits") {
  RandomStream random(2, "arena fuzz");
  int accepted = 0, refused = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Bytes bytes = pack_model(deploy_test::random_network(seed));
    for (int round = 0; round < 40; ++round) {
      Bytes altered = bytes;
      const auto at = [&] { return 20 + random.below(static_cast<std::uint32_t>(altered.size() - 24)); };
      if (round % 3 == 0)
        altered[at()] = static_cast<std::uint8_t>(random.below(256));
      else if (round % 3 == 1)
        altered.erase(altered.begin() + at());
      else
        for (std::uint32_t i = at(), n = 0; n < 9 && i + 4 < altered.size(); ++i, ++n) altered[i] = 0xFF;
      for (std::size_t i = 0; i < 8; ++i) altered[12 + i] = static_cast<std::uint8_t>(altered.size() >> (8 * i));
      const std::uint32_t crc = crc32(std::span<const std::uint8_t>(altered).first(altered.size() - 4));
      for (std::size_t i = 0; i < 4; ++i) altered[altered.size() - 4 + i] = static_cast<std::uint8_t>(crc >> (8 * i));
      std::string message;
      IntegerNetwork net;
      try {
        net = unpack_model(altered, "model");
      } catch (const Error& error) {
        message = error.what();
      }
      std::vector<unsigned char> arena(1 << 21);
      char text[1024];
      ArenaEngine engine;
      const OpenStatus status = engine.open(altered.data(), altered.size(), arena.data(), arena.size(), 1, text);
      if (!message.empty()) {
        ++refused;
        CHECK(status == OpenStatus::kBadModel);
        CHECK(std::string(text).substr(0, 200) == message.substr(0, 200));
      } else if (status == OpenStatus::kOpen) {
        ++accepted;
        const std::vector<std::uint8_t> image(static_cast<std::size_t>(engine.image_bytes()), 200);
        std::vector<std::int32_t> expected(static_cast<std::size_t>(engine.outputs())), logits(expected.size());
        Engine(net).run(image.data(), 1, expected.data());
        CHECK(engine.run(image.data(), 1, logits.data()));
        CHECK(logits == expected);
      } else {
        CHECK((status == OpenStatus::kSmallArena || status == OpenStatus::kFloatModel));
      }
    }
  }
  CHECK(accepted > 200);
  CHECK(refused > 300);
}
