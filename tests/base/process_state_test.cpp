#include "bitgrain/base/process_state.hpp"

#include <doctest/doctest.h>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"

using namespace bitgrain;

TEST_CASE("what a library of kernels is handed are the variables that the program itself uses") {
  const detail::ProcessState state{&MemoryPool::instance(), &detail::thread_setting(), &detail::inside_parallel,
                                   nullptr};
  const auto requests = MemoryPool::instance().stats().requests;
  state.memory_pool->deallocate(state.memory_pool->allocate(100), 100);
  CHECK(MemoryPool::instance().stats().requests == requests + 1);

  const int before = num_threads();
  set_num_threads(3);
  CHECK(state.threads->load() == 3);
  state.threads->store(before);
  CHECK(num_threads() == before);

  CHECK_FALSE(state.inside_parallel());
  parallel_for(1, 1, [&](std::int64_t, std::int64_t) { CHECK(state.inside_parallel()); });
  CHECK_FALSE(state.inside_parallel());
}
