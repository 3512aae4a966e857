#include "bitgrain/autograd/profile.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <thread>

#include "bitgrain/ops/add.hpp"
#include "bitgrain/ops/relu.hpp"
#include "bitgrain/ops/sum.hpp"

using namespace bitgrain;

namespace {
std::map<std::string, std::int64_t> calls(const Profile& profile) {
  std::map<std::string, std::int64_t> counts;
  for (const ProfileEntry& entry : profile.entries()) counts[entry.phase + " " + entry.what] = entry.calls;
  return counts;
}
}  // namespace

TEST_CASE("all time between the first and the last mark is booked, each stretch on what ended it") {
  const auto start = std::chrono::steady_clock::now();
  Profile profile;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  profile.mark("step", "long");
  profile.mark("step", "short");
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto entries = profile.entries();
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].what == "long");  // the longest first
  CHECK(entries[0].seconds >= 0.02);
  CHECK(entries[0].seconds + entries[1].seconds <= elapsed);
}

TEST_CASE("skipped time is booked on nothing") {
  Profile profile;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  profile.skip();
  profile.mark("step", "after");
  CHECK(profile.entries()[0].seconds < 0.02);
}

TEST_CASE("ops and their backward are booked by name, with and without gradients") {
  Var<float> x(Tensor<float>(Shape{4}, 2.0F), true);
  Profile profile;
  sum(add(relu(x), relu(x))).backward();
  const auto counts = calls(profile);
  CHECK(counts.at("forward relu") == 2);
  CHECK(counts.at("forward add") == 1);
  CHECK(counts.at("forward sum") == 1);
  CHECK(counts.at("backward relu") == 2);
  CHECK(counts.at("backward add") == 1);
  const NoGrad no_grad;
  relu(x);
  CHECK(calls(profile).at("forward relu") == 3);
}

TEST_CASE("a profile ends where its scope does; the one around it goes on") {
  profile_mark("step", "nobody listens");
  Profile outer;
  {
    Profile inner;
    profile_mark("step", "inside");
    CHECK(calls(inner).at("step inside") == 1);
  }
  profile_mark("step", "outside");
  CHECK(calls(outer).size() == 1);
  CHECK(calls(outer).at("step outside") == 1);
}
