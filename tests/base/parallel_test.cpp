#include "bitgrain/base/parallel.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "error_of.hpp"

using namespace bitgrain;

namespace {
using Chunk = std::pair<std::int64_t, std::int64_t>;

/// Restores the number of threads.
class Threads {
 public:
  explicit Threads(int count) : outer_(num_threads()) { set_num_threads(count); }
  ~Threads() { set_num_threads(outer_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int outer_;
};

std::vector<Chunk> chunks_of(std::int64_t count, std::int64_t grain, int threads) {
  const Threads setting(threads);
  std::mutex mutex;
  std::vector<Chunk> chunks;
  parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
    const std::scoped_lock lock(mutex);
    chunks.emplace_back(begin, end);
  });
  std::sort(chunks.begin(), chunks.end());
  return chunks;
}
}  // namespace

TEST_CASE("chunks are [k grain, (k+1) grain), the last one shorter, at every number of threads") {
  for (const std::int64_t count : {1, 2, 3, 7, 8, 9, 63, 64, 65, 1000})
    for (const std::int64_t grain : {1, 2, 7, 8, 64, 5000}) {
      std::vector<Chunk> expected;
      for (std::int64_t begin = 0; begin < count; begin += grain)
        expected.emplace_back(begin, std::min(begin + grain, count));
      CAPTURE(count);
      CAPTURE(grain);
      for (const int threads : {1, 2, 3, 8}) CHECK(chunks_of(count, grain, threads) == expected);
    }
}

TEST_CASE("nothing runs for a count of zero or less, and a grain below one counts as one") {
  CHECK(chunks_of(0, 4, 2).empty());
  CHECK(chunks_of(-5, 4, 2).empty());
  CHECK(chunks_of(3, 0, 2).size() == 3);
  CHECK(chunks_of(3, -7, 2).size() == 3);
}

TEST_CASE("a grain near the largest integer does not overflow: one chunk") {
  constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
  CHECK(chunks_of(10, kLargest, 2) == std::vector<Chunk>{{0, 10}});
  CHECK(chunks_of(kLargest, kLargest - 1, 2) == std::vector<Chunk>{{0, kLargest - 1}, {kLargest - 1, kLargest}});
}

TEST_CASE("partial sums added in chunk order give the same bits at every number of threads") {
  const auto sum = [](int threads) {
    const Threads setting(threads);
    constexpr std::int64_t kCount = 10007, kGrain = 100;
    std::vector<float> partial((kCount + kGrain - 1) / kGrain);
    parallel_for(kCount, kGrain, [&](std::int64_t begin, std::int64_t end) {
      float s = 0;
      for (std::int64_t i = begin; i < end; ++i) s += 1.0f / static_cast<float>(i + 1);
      partial[static_cast<std::size_t>(begin / kGrain)] = s;
    });
    float total = 0;
    for (const float p : partial) total += p;
    return total;
  };
  const float expected = sum(1);
  for (const int threads : {2, 3, 5, 8}) CHECK(sum(threads) == expected);
}

TEST_CASE("a parallel_for inside another covers everything, and runs on the thread of its chunk") {
  const Threads setting(4);
  std::vector<std::atomic<int>> seen(40 * 30);
  std::atomic<bool> same_thread{true};
  parallel_for(40, 1, [&](std::int64_t row, std::int64_t) {
    const bool* const mine = &detail::inside_parallel();  // thread_local: its address names the thread
    parallel_for(30, 4, [&](std::int64_t begin, std::int64_t end) {
      if (&detail::inside_parallel() != mine) same_thread = false;
      for (std::int64_t i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(row * 30 + i)];
    });
  });
  CHECK(same_thread);
  CHECK(std::all_of(seen.begin(), seen.end(), [](const auto& n) { return n == 1; }));
}

TEST_CASE("an exception of a chunk reaches the caller, whatever its type, and the next loop works") {
  for (const int threads : {1, 4}) {
    const Threads setting(threads);
    CHECK(error_of([] {
            parallel_for(100, 1,
                         [](std::int64_t begin, std::int64_t) { BITGRAIN_CHECK(begin != 37, "chunk ", begin); });
          }) == "chunk 37");
    CHECK_THROWS_AS(parallel_for(8, 1, [](std::int64_t, std::int64_t) { throw std::out_of_range("x"); }),
                    std::out_of_range);
    CHECK(chunks_of(10, 3, threads).size() == 4);
  }
}

TEST_CASE("an exception of a nested loop reaches the caller of the outer one") {
  const Threads setting(3);
  CHECK(error_of([] {
          parallel_for(6, 1, [](std::int64_t, std::int64_t) {
            parallel_for(6, 1, [](std::int64_t inner, std::int64_t) { BITGRAIN_CHECK(inner != 5, "inner"); });
          });
        }) == "inner");
}

TEST_CASE("the body is used in place, not copied, and may be const") {
  struct Body {
    std::atomic<int>* calls;
    Body(std::atomic<int>* c) : calls(c) {}
    Body(const Body&) = delete;
    Body& operator=(const Body&) = delete;
    void operator()(std::int64_t, std::int64_t) const { ++*calls; }
  };
  std::atomic<int> calls{0};
  const Body body(&calls);
  parallel_for(5, 1, body);
  CHECK(calls == 5);
}

TEST_CASE("the number of threads is at least one") {
  CHECK(num_threads() >= 1);
  CHECK(contains(error_of([] { set_num_threads(0); }), "at least 1, got 0"));
}
