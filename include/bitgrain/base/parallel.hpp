#pragma once

/// parallel_for over chunks that depend on the problem alone, never on the number of threads. A reduction that
/// gives each chunk its own partial result and adds these in chunk order is therefore the same at every thread count.
///
/// OpenMP underneath when the compiler has it; std::thread with BITGRAIN_THREADS_STD (ThreadSanitizer does not
/// understand libgomp); serial otherwise.

#include <atomic>
#include <cstdint>
#include <exception>
#include <type_traits>

#include "bitgrain/base/check.hpp"
#include "bitgrain/base/process_state.hpp"

#if defined(BITGRAIN_THREADS_STD)
#include <thread>
#include <vector>
#elif defined(_OPENMP)
#include <omp.h>
#endif

namespace bitgrain {

namespace detail {
inline int hardware_threads() {
#if defined(BITGRAIN_THREADS_STD)
  return static_cast<int>(std::thread::hardware_concurrency());
#elif defined(_OPENMP)
  return omp_get_max_threads();
#else
  return 1;
#endif
}
#if defined(BITGRAIN_KERNEL_SET)
inline std::atomic<int>& thread_setting() { return *process_state().threads; }
inline bool& inside_parallel() { return process_state().inside_parallel(); }
#else
inline std::atomic<int>& thread_setting() {
  static std::atomic<int> setting{hardware_threads() > 0 ? hardware_threads() : 1};
  return setting;
}
inline bool& inside_parallel() {
#if defined(BITGRAIN_NO_HEAP)  // such programs have no threads
  static bool inside = false;
#else
  thread_local bool inside = false;
#endif
  return inside;
}
#endif

// A body of parallel_for without its type: the loop below is compiled once.
struct ChunkBody {
  void* object;
  void (*call)(void* object, std::int64_t begin, std::int64_t end);
};

// Runs chunks taken from a shared counter. Keeps the first exception, which must not leave a parallel region.
class ChunkRun {
 public:
  ChunkRun(std::int64_t count, std::int64_t grain, ChunkBody body)
      : count_(count), grain_(grain), chunks_(count / grain + (count % grain != 0)), body_(body) {}
  std::int64_t chunks() const { return chunks_; }
  void work() {
    const bool outer = inside_parallel();
    inside_parallel() = true;
    for (std::int64_t c = next_.fetch_add(1); c < chunks_; c = next_.fetch_add(1)) {
      const std::int64_t begin = c * grain_;
      const std::int64_t end = count_ - begin > grain_ ? begin + grain_ : count_;
#if BITGRAIN_HAS_EXCEPTIONS
      try {
        body_.call(body_.object, begin, end);
      } catch (...) {
        if (!failed_.exchange(true)) error_ = std::current_exception();
        next_.store(chunks_);
      }
#else
      body_.call(body_.object, begin, end);
#endif
    }
    inside_parallel() = outer;
  }
  void rethrow() {
#if BITGRAIN_HAS_EXCEPTIONS
    if (error_) std::rethrow_exception(error_);
#endif
  }

 private:
  std::int64_t count_, grain_, chunks_;
  ChunkBody body_;
  std::atomic<std::int64_t> next_{0};
  std::atomic<bool> failed_{false};
  std::exception_ptr error_;
};

inline void run_chunks(std::int64_t count, std::int64_t grain, ChunkBody body) {
  ChunkRun run(count, grain, body);
  const std::int64_t setting = thread_setting().load(std::memory_order_relaxed);
  const int threads = static_cast<int>(run.chunks() < setting ? run.chunks() : setting);
  if (threads <= 1 || inside_parallel()) {
    run.work();
  } else {
#if defined(BITGRAIN_THREADS_STD)
    std::vector<std::thread> team;
    for (int t = 1; t < threads; ++t) team.emplace_back([&run] { run.work(); });
    run.work();
    for (auto& member : team) member.join();
#elif defined(_OPENMP)
#pragma omp parallel num_threads(threads)
    run.work();
#else
    run.work();
#endif
  }
  run.rethrow();
}
}  // namespace detail

/// Threads that parallel_for may use. Default: what OpenMP would use (OMP_NUM_THREADS is honoured).
inline int num_threads() { return detail::thread_setting().load(std::memory_order_relaxed); }

/// Sets the number of threads. Results do not depend on it. Throws Error if `threads` < 1.
inline void set_num_threads(int threads) {
  BITGRAIN_CHECK(threads >= 1, "the number of threads must be at least 1, got ", threads);
  detail::thread_setting().store(threads);
}

/// Calls `body(begin, end)` for the chunks [k*grain, min(count, (k+1)*grain)), possibly at the same time. Inside
/// another parallel_for it runs serially. The first exception of a chunk is thrown again when all have stopped.
template <class Body>
void parallel_for(std::int64_t count, std::int64_t grain, Body&& body) {
  if (count <= 0) return;
  if (grain < 1) grain = 1;
  using Object = std::remove_reference_t<Body>;
  detail::run_chunks(
      count, grain,
      {const_cast<void*>(static_cast<const void*>(&body)),
       [](void* object, std::int64_t begin, std::int64_t end) { (*static_cast<Object*>(object))(begin, end); }});
}

}  // namespace bitgrain
