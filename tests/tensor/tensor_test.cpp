#include "bitgrain/tensor/tensor.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <numeric>
#include <vector>

#include "error_of.hpp"

using namespace bitgrain;

namespace {
Tensor<float> counting(const Shape& shape) {
  Tensor<float> t(shape);
  const auto values = t.mutable_values();
  std::iota(values.begin(), values.end(), 0.0f);
  return t;
}
}  // namespace

TEST_CASE("a default tensor is undefined and holds nothing") {
  const Tensor<float> none;
  CHECK(!none.defined());
  CHECK(none.numel() == 0);
  CHECK(none.data() == nullptr);
  CHECK(none.values().empty());
  CHECK(!none.clone().defined());
  CHECK(!none.cast<int>().defined());
}

TEST_CASE("storage is 64-byte aligned, and the fill and list constructors set every element") {
  const Tensor<float> filled(Shape{3, 5}, 2.5f);
  CHECK(reinterpret_cast<std::uintptr_t>(filled.data()) % 64 == 0);
  for (const float v : filled.values()) CHECK(v == 2.5f);
  const Tensor<int> listed(Shape{2, 2}, {1, 2, 3, 4});
  CHECK(listed[0] == 1);
  CHECK(listed[3] == 4);
  CHECK(Tensor<double>(Shape{}, 7.0).item() == 7.0);
}

TEST_CASE("a list of the wrong length is an error that shows both numbers") {
  CHECK(error_of([] { Tensor<int>(Shape{2, 2}, {1, 2, 3}); }) == "a tensor of shape [2,2] takes 4 values, got 3");
}

TEST_CASE("item needs exactly one element") {
  CHECK(contains(error_of([] { return Tensor<float>(Shape{2}, 0.0f).item(); }), "shape [2]"));
  CHECK(!error_of([] { return Tensor<float>().item(); }).empty());
}

TEST_CASE("copies share storage and version; clones do not") {
  Tensor<float> a = counting({4});
  Tensor<float> b = a;
  const Tensor<float> c = a.clone();
  CHECK(!a.unique());
  CHECK(c.unique());
  b.mutable_data()[2] = 9;
  CHECK(a[2] == 9);
  CHECK(c[2] == 2);
  CHECK(a.version() == b.version());
}

TEST_CASE("every opening for writing counts a version, reading none") {
  Tensor<float> a(Shape{4});
  const auto fresh = a.version();
  (void)a.data();
  (void)a.values();
  CHECK(a.version() == fresh);
  (void)a.mutable_data();
  CHECK(a.version() == fresh + 1);
  (void)a.mutable_values();
  CHECK(a.version() == fresh + 2);
  a.fill(1);
  CHECK(a.version() == fresh + 3);
  a.copy_from(Tensor<float>(Shape{4}, 3.0f));
  CHECK(a.version() == fresh + 4);
}

TEST_CASE("writing through a slice or a reshape counts on the storage that they share") {
  Tensor<float> a = counting({4, 3});
  const auto before = a.version();
  Tensor<float> rows = a.slice(1, 3);
  rows.mutable_data()[0] = -1;
  CHECK(a.version() == before + 1);
  CHECK(a[3] == -1);
  Tensor<float> flat = a.reshape({12});
  flat.mutable_data()[11] = -2;
  CHECK(a.version() == before + 2);
  CHECK(a[11] == -2);
}

TEST_CASE("slice takes rows of the leading dimension, also of a slice, also none") {
  const Tensor<float> a = counting({5, 2, 3});
  const Tensor<float> middle = a.slice(1, 4);
  CHECK(middle.shape() == Shape{3, 2, 3});
  CHECK(middle[0] == 6);
  const Tensor<float> inner = middle.slice(2, 3);
  CHECK(inner.shape() == Shape{1, 2, 3});
  CHECK(inner[5] == 23);
  CHECK(inner.clone()[5] == 23);
  CHECK(a.slice(5, 5).numel() == 0);
  CHECK(Tensor<float>(Shape{0, 3}).slice(0, 0).shape() == Shape{0, 3});
}

TEST_CASE("a slice outside the tensor is an error that shows range and shape") {
  const Tensor<float> a = counting({5, 2});
  CHECK(error_of([&] { a.slice(3, 6); }) == "slice [3,6) of a tensor of shape [5,2]");
  CHECK(!error_of([&] { a.slice(-1, 2); }).empty());
  CHECK(!error_of([&] { a.slice(3, 2); }).empty());
  CHECK(!error_of([] { Tensor<float>(Shape{}, 1.0f).slice(0, 1); }).empty());
}

TEST_CASE("reshape keeps the elements and infers one extent of -1") {
  const Tensor<float> a = counting({2, 3, 4});
  CHECK(a.reshape({6, 4}).shape() == Shape{6, 4});
  CHECK(a.reshape({-1}).shape() == Shape{24});
  CHECK(a.reshape({2, -1, 2}).shape() == Shape{2, 6, 2});
  CHECK(a.reshape({4, -1})[23] == 23);
  CHECK(a.reshape({4, 6}).data() == a.data());
  CHECK(Tensor<float>(Shape{0, 4}).reshape({-1, 4}).shape() == Shape{0, 4});
  CHECK(Tensor<float>(Shape{0, 4}).reshape({0, -1}).numel() == 0);
}

TEST_CASE("a reshape to another number of elements is an error") {
  const Tensor<float> a = counting({2, 3, 4});
  CHECK(error_of([&] { a.reshape({5, 5}); }) == "cannot reshape [2,3,4] (24 elements) to [5,5]");
  CHECK(!error_of([&] { a.reshape({5, -1}); }).empty());
  CHECK(!error_of([&] { a.reshape({0, -1}); }).empty());
  CHECK(contains(error_of([&] { a.reshape({-1, -1}); }), "2 are -1"));
  CHECK(contains(error_of([&] { a.reshape({-2, 12}); }), "negative"));
  CHECK(!error_of([&] { a.reshape({std::int64_t{1} << 40, std::int64_t{1} << 40, -1}); }).empty());
}

TEST_CASE("copy_from needs the same shape, and may read the storage it writes") {
  Tensor<float> a = counting({6});
  Tensor<float> head = a.slice(0, 4);
  head.copy_from(a.slice(2, 6));  // overlaps
  CHECK(a[0] == 2);
  CHECK(a[3] == 5);
  CHECK(error_of([&] {
          a.copy_from(counting({2, 3}));
        }) == "cannot copy a tensor of shape [2,3] into one of shape [6]");
}

TEST_CASE("cast converts element by element") {
  const Tensor<int> whole = Tensor<float>(Shape{3}, {1.9f, -1.9f, 0.0f}).cast<int>();
  CHECK(whole[0] == 1);
  CHECK(whole[1] == -1);
  CHECK(whole.shape() == Shape{3});
}

TEST_CASE("storage goes back to the pool with its last owner") {
  const std::size_t before = MemoryPool::instance().stats().bytes_in_use;
  {
    const Tensor<float> a(Shape{1000});
    const Tensor<float> view = a.slice(10, 20);
    CHECK(MemoryPool::instance().stats().bytes_in_use > before);
  }
  CHECK(MemoryPool::instance().stats().bytes_in_use == before);
}
