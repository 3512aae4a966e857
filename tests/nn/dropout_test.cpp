#include "bitgrain/nn/dropout.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "bitgrain/nn/sequential.hpp"

namespace bitgrain {
namespace {

const Var<float> kOnes(Tensor<float>(Shape{10000}, 1.0F));

std::vector<float> mask(Dropout<float>& dropout) {
  const auto y = dropout(kOnes);
  return {y.value().values().begin(), y.value().values().end()};
}

TEST_CASE("in training a share p is zero and the rest is scaled up, so the mean stays") {
  Dropout<float> dropout(0.25);
  const auto y = mask(dropout);
  const auto zeros = std::count(y.begin(), y.end(), 0.0F);
  CHECK(std::abs(static_cast<double>(zeros) - 2500) < 4 * std::sqrt(10000 * 0.25 * 0.75));
  CHECK(std::count(y.begin(), y.end(), 1 / 0.75F) == 10000 - zeros);
}

TEST_CASE("in evaluation, and with p = 0, the input passes and no number is drawn") {
  Dropout<float> dropout(0.25), none(0.0);
  dropout.set_training(false);
  CHECK(dropout(kOnes).id() == kOnes.id());
  CHECK(none(kOnes).id() == kOnes.id());
  CHECK(dropout.stream().position() == 0);
}

TEST_CASE("masks change from call to call, and are a function of seed, name and position") {
  Sequential<float> a, b;
  auto& first = a.emplace<Dropout<float>>("drop", 0.5, 3);
  auto& second = a.emplace<Dropout<float>>("other", 0.5, 3);
  auto& same = b.emplace<Dropout<float>>("drop", 0.5, 3);
  auto& reseeded = b.emplace<Dropout<float>>("drop2", 0.5, 4);
  const auto one = mask(first), two = mask(first);
  CHECK(one != two);
  CHECK(one != mask(second));  // another name
  CHECK(one == mask(same));
  CHECK(one != mask(reseeded));
  CHECK(two == mask(same));
}

TEST_CASE("a position restored before the first call is kept, so a resumed run draws the same masks") {
  Sequential<float> a, b;
  auto& run = a.emplace<Dropout<float>>("drop", 0.5);
  auto& resumed = b.emplace<Dropout<float>>("drop", 0.5);
  mask(run);
  REQUIRE(b.random_streams().size() == 1);
  CHECK(b.random_streams()[0].name == "drop");
  b.random_streams()[0].stream->set_position(a.random_streams()[0].stream->position());
  CHECK(mask(run) == mask(resumed));
}

TEST_CASE("a probability outside [0, 1) is refused") {
  CHECK_THROWS_AS(Dropout<float>(1.0), Error);
  CHECK_THROWS_AS(Dropout<float>(-0.1), Error);
}

}  // namespace
}  // namespace bitgrain
