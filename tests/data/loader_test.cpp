#include "bitgrain/data/loader.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "error_of.hpp"

using namespace bitgrain;

namespace {
// Image i is 4 x 5 x 3 of pseudo-random bytes that start with i; its label is i % 7.
ImageDataset numbered(std::int64_t count) {
  ImageDataset set{Tensor<std::uint8_t>(Shape{count, 4, 5, 3}), {}, {"0", "1", "2", "3", "4", "5", "6"}, "numbered"};
  RandomStream random(5, "test");
  for (auto& byte : set.images.mutable_values()) byte = static_cast<std::uint8_t>(random.below(256));
  for (std::int64_t i = 0; i < count; ++i) {
    set.images.mutable_data()[i * 60] = static_cast<std::uint8_t>(i);
    set.labels.push_back(static_cast<std::int32_t>(i % 7));
  }
  return set;
}

template <class T>
std::vector<T> copy(const Tensor<T>& t) {
  return {t.values().begin(), t.values().end()};
}

bool same(const Batch& a, const Batch& b) {
  return a.indices == b.indices && a.labels == b.labels && a.bytes.shape() == b.bytes.shape() &&
         copy(a.bytes) == copy(b.bytes) && copy(a.images) == copy(b.images);
}

LoaderOptions training(std::int64_t batch) {
  return LoaderOptions::training(batch, 11, Augmentation::pad_crop_flip(2));
}

struct ThreadSetting {
  int before = num_threads();
  ~ThreadSetting() { set_num_threads(before); }
};
}  // namespace

TEST_CASE("the default loader gives every image once, in order, untouched, the last batch smaller") {
  const ImageDataset set = numbered(23);
  LoaderOptions options;
  options.batch_size = 10;
  const BatchLoader loader(set, InputEncoding::unsigned_bytes(3), options);
  REQUIRE(loader.steps() == 3);
  std::int64_t next = 0;
  for (std::int64_t s = 0; s < 3; ++s) {
    const Batch batch = loader.batch(s);
    CHECK(batch.size() == (s < 2 ? 10 : 3));
    CHECK(batch.images.shape() == Shape{batch.size(), 4, 5, 3});
    for (std::int64_t i = 0; i < batch.size(); ++i, ++next) {
      CHECK(batch.indices[static_cast<std::size_t>(i)] == next);
      CHECK(batch.labels[static_cast<std::size_t>(i)] == next % 7);
      for (std::int64_t k = 0; k < 60; ++k) {
        CHECK(batch.bytes[i * 60 + k] == set.images[next * 60 + k]);
        CHECK(batch.images[i * 60 + k] == static_cast<float>(1.0 / 255.0 * set.images[next * 60 + k]));
      }
    }
  }
  CHECK(next == 23);
}

TEST_CASE("shuffling is a permutation of its own per epoch and seed, and drop_last leaves out the rest") {
  const ImageDataset set = numbered(23);
  BatchLoader loader(set, InputEncoding::unsigned_bytes(3), training(5));
  REQUIRE(loader.steps() == 4);
  std::vector<std::vector<std::int64_t>> orders;
  for (const std::int64_t epoch : {0, 1}) {
    loader.begin_epoch(epoch);
    std::vector<std::int64_t> order;
    for (std::int64_t s = 0; s < 4; ++s) {
      const Batch batch = loader.batch(s);
      for (std::size_t i = 0; i < 5; ++i) CHECK(batch.labels[i] == batch.indices[i] % 7);
      order.insert(order.end(), batch.indices.begin(), batch.indices.end());
    }
    std::vector<std::int64_t> sorted = order;
    std::sort(sorted.begin(), sorted.end());
    CHECK(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end());
    CHECK_FALSE(std::is_sorted(order.begin(), order.end()));
    orders.push_back(order);
  }
  CHECK(orders[0] != orders[1]);

  LoaderOptions everything = training(5);
  everything.drop_last = false;
  const BatchLoader whole(set, InputEncoding::unsigned_bytes(3), everything);
  REQUIRE(whole.steps() == 5);
  std::vector<std::int64_t> all;
  for (std::int64_t s = 0; s < 5; ++s) {
    const Batch batch = whole.batch(s);
    all.insert(all.end(), batch.indices.begin(), batch.indices.end());
  }
  std::sort(all.begin(), all.end());
  std::vector<std::int64_t> expected(23);
  std::iota(expected.begin(), expected.end(), 0);
  CHECK(all == expected);

  everything.seed = 12;
  CHECK(BatchLoader(set, InputEncoding::unsigned_bytes(3), everything).batch(0).indices != whole.batch(0).indices);
}

TEST_CASE("a batch is a function of seed, epoch and step: another loader, another way there, the same batch") {
  const ImageDataset set = numbered(40);
  BatchLoader first(set, InputEncoding::unsigned_bytes(3), training(8));
  first.begin_epoch(3);
  for (std::int64_t s = 0; s < 3; ++s) first.batch(s);
  const Batch reached = first.batch(3);
  BatchLoader resumed(set, InputEncoding::unsigned_bytes(3), training(8));
  resumed.begin_epoch(7);
  resumed.begin_epoch(3);
  CHECK(same(resumed.batch(3), reached));
  CHECK(same(first.batch(3), reached));
  first.begin_epoch(4);
  CHECK_FALSE(same(first.batch(3), reached));
}

TEST_CASE("batches do not depend on the number of threads") {
  const ThreadSetting restore;
  const ImageDataset set = numbered(100);
  const std::vector<double> mean{0.5, 0.4, 0.3}, std{0.2, 0.3, 0.25};
  const auto at = [&](int threads) {
    set_num_threads(threads);
    BatchLoader loader(set, InputEncoding::normalised(mean, std), training(50));
    loader.begin_epoch(2);
    return loader.batch(1);
  };
  const Batch one = at(1);
  CHECK(same(at(2), one));
  CHECK(same(at(5), one));
}

TEST_CASE("augmentation does not depend on the batch size: each image has its own draw") {
  const ImageDataset set = numbered(24);
  LoaderOptions small = training(4), large = training(24);
  small.shuffle = large.shuffle = false;
  const BatchLoader a(set, InputEncoding::unsigned_bytes(3), small), b(set, InputEncoding::unsigned_bytes(3), large);
  const auto all = copy(b.batch(0).bytes);
  CHECK(all != copy(set.images));
  for (std::int64_t s = 0; s < 6; ++s) {
    const auto part = copy(a.batch(s).bytes);
    CHECK(std::equal(part.begin(), part.end(), all.begin() + static_cast<std::ptrdiff_t>(s * 240)));
  }
}

TEST_CASE("what training reads is step * code of the augmented bytes, padding included") {
  const ImageDataset set = numbered(32);
  const std::vector<double> mean{0.5, 0.4, 0.3}, std{0.2, 0.3, 0.25};
  const InputEncoding encoding = InputEncoding::normalised(mean, std);
  const BatchLoader loader(set, encoding, training(32));
  const Batch batch = loader.batch(0);
  CHECK(copy(batch.images) == copy(encoding.real<float>(batch.bytes)));
}

TEST_CASE("after the first batches no allocation reaches the system") {
  const ImageDataset set = numbered(64);
  BatchLoader loader(set, InputEncoding::unsigned_bytes(3), training(16));
  Batch batch;
  loader.fill(0, batch);
  const auto before = MemoryPool::instance().stats();
  for (std::int64_t epoch = 1; epoch < 4; ++epoch) {
    loader.begin_epoch(epoch);
    for (std::int64_t s = 0; s < loader.steps(); ++s) loader.fill(s, batch);
  }
  const auto after = MemoryPool::instance().stats();
  CHECK(after.requests > before.requests);
#if BITGRAIN_POOL_CACHES
  CHECK(after.system_allocations == before.system_allocations);
#endif
}

TEST_CASE("filling a batch leaves tensors alone that somebody still holds") {
  const ImageDataset set = numbered(8);
  LoaderOptions options;
  options.batch_size = 4;
  const BatchLoader loader(set, InputEncoding::unsigned_bytes(3), options);
  Batch batch = loader.batch(0);
  const Tensor<float> held = batch.images;
  const auto values = copy(held);
  loader.fill(1, batch);
  CHECK(copy(held) == values);
  CHECK(copy(batch.images) != values);
}

TEST_CASE("settings that make no sense are refused, naming both sides") {
  const ImageDataset set = numbered(6);
  const auto make = [&](std::int64_t channels, const LoaderOptions& options) {
    return error_of([&] { BatchLoader(set, InputEncoding::unsigned_bytes(channels), options); });
  };
  CHECK(contains(make(1, {}), "for 1 channels, the images of 'numbered' are [6,4,5,3]"));
  CHECK(contains(make(3, LoaderOptions::training(7, 0)), "has 6 images, not one batch of 7"));
  CHECK(contains(make(3, LoaderOptions::training(0, 0)), "at least 1, got 0"));
  CHECK(contains(make(3, LoaderOptions::training(2, 0, {-1, false})), "got -1"));
  BatchLoader loader(set, InputEncoding::unsigned_bytes(3), {});
  CHECK(contains(error_of([&] { loader.batch(1); }), "batches 0..0, asked for 1"));
  CHECK(contains(error_of([&] { loader.begin_epoch(-1); }), "got -1"));
}
