// ArenaEngine takes nothing from the heap, neither while it is opened, whatever the bytes, nor while it runs. Built
// without exceptions, run-time types, guards of static variables and OpenMP; every way to the heap ends the program
// while it is forbidden.
#include <cstdio>
#include <cstdlib>
#include <new>
#include <span>
#include <vector>

#include "bitgrain/deploy/arena_engine.hpp"
#include "bitgrain/deploy/interpreter.hpp"
#include "bitgrain/deploy/packed_model.hpp"
#include "deploy/few_bit_network.hpp"
#include "deploy/random_network.hpp"

static_assert(!BITGRAIN_HAS_EXCEPTIONS, "compile this file with -fno-exceptions");

namespace {
bool forbidden = false;

void enter(const char* function) {
  if (!forbidden) return;
  forbidden = false;
  std::fprintf(stderr, "%s was called\n", function);
  std::_Exit(3);
}
}  // namespace

#if defined(CATCH_MALLOC)  // glibc, no sanitizer
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void* malloc(std::size_t size) {
  enter("malloc");
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  enter("calloc");
  return __libc_calloc(count, size);
}
void* realloc(void* block, std::size_t size) {
  enter("realloc");
  return __libc_realloc(block, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  enter("aligned_alloc");
  return __libc_memalign(alignment, size);
}
}
#endif

void* operator new(std::size_t size) {
  enter("operator new");
  void* const block = std::malloc(size);
  if (block == nullptr) std::abort();
  return block;
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  enter("operator new");
  const auto to = static_cast<std::size_t>(alignment);
  void* const block = std::aligned_alloc(to, (size + to - 1) / to * to);
  if (block == nullptr) std::abort();
  return block;
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return ::operator new(size, alignment);
}
// Not inlined: GCC takes free() for a mismatch of the aligned operator new.
[[gnu::noinline]] void operator delete(void* block) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete(void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }

namespace {
using namespace bitgrain;
using namespace bitgrain::deploy;

unsigned char arena[1 << 24];
ArenaEngine engine;
int failures = 0;

void expect(bool condition, const char* what, unsigned long long where) {
  if (condition) return;
  std::fprintf(stderr, "%s (%llu)\n", what, where);
  ++failures;
}

// Opens without the heap.
OpenStatus open(const unsigned char* model, std::size_t bytes, std::size_t arena_bytes, std::int64_t images) {
  char message[120];
  forbidden = true;
  const OpenStatus status = engine.open(model, bytes, arena, arena_bytes, images, message);
  forbidden = false;
  expect(engine.is_open() == (message[0] == 0), "an open engine has no message, another has one", bytes);
  return status;
}

void seal(std::vector<unsigned char>& model) {
  const std::size_t body = model.size() - 4;
  const std::uint32_t crc = crc32(std::span<const std::uint8_t>(model).first(body));
  for (std::size_t i = 0; i < 4; ++i) model[body + i] = static_cast<unsigned char>(crc >> (8 * i));
}

void run_model(const IntegerNetwork& net, unsigned long long seed) {
  const std::int64_t images = 1 + static_cast<std::int64_t>(seed % 5), count = 5;
  const std::vector<unsigned char> model = pack_model(net);
  const auto bytes = deploy_test::random_images(net, count, seed);
  expect(open(model.data(), model.size(), 0, images) == OpenStatus::kSmallArena, "no arena is too small", seed);
  expect(open(model.data(), model.size(), sizeof arena, images) == OpenStatus::kOpen, "the model opens", seed);
  const auto exact = static_cast<std::size_t>(engine.arena_bytes());
  expect(open(model.data(), model.size(), exact - 1, images) == OpenStatus::kSmallArena, "a byte less", seed);
  expect(open(model.data(), model.size(), exact, images) == OpenStatus::kOpen, "exactly the bytes", seed);
  std::vector<std::int32_t> logits(static_cast<std::size_t>(count * engine.outputs())), classes(5);
  forbidden = true;
  engine.run(bytes.data(), count, logits.data());
  engine.predict(bytes.data(), count, classes.data());
  forbidden = false;
  const Interpreter interpreter(net);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto values = interpreter.run(bytes.data() + i * engine.image_bytes());
    const auto& expected = values[static_cast<std::size_t>(net.output())];
    bool same = true;
    for (std::size_t k = 0; k < expected.size(); ++k)
      same = same && logits[static_cast<std::size_t>(i) * expected.size() + k] == expected[k];
    expect(same, "the interpreter's logits", seed);
  }
}
}  // namespace

int main(int argc, char**) {
  forbidden = argc > 1;  // with an argument it shows that the heap is watched: it must end here
  delete[] new char[static_cast<std::size_t>(argc)];
  run_model(deploy_test::few_bit_network(), 1);
  for (unsigned long long seed = 0; seed < 60; ++seed) run_model(deploy_test::random_network(seed), seed);

  RandomStream random(3, "no heap");
  const std::vector<unsigned char> model = pack_model(deploy_test::random_network(12));
  for (std::size_t size = 0; size < model.size(); ++size)
    expect(open(model.data(), size, sizeof arena, 1) == OpenStatus::kBadModel, "a truncated model", size);
  int opened = 0;
  for (std::size_t i = 0; i < model.size(); ++i) {
    std::vector<unsigned char> altered = model;
    altered[i] = static_cast<unsigned char>(altered[i] ^ (1 + random.below(255)));
    expect(open(altered.data(), altered.size(), sizeof arena, 1) == OpenStatus::kBadModel, "an altered model", i);
    if (i < 20 || i + 4 >= model.size()) continue;
    seal(altered);
    opened += open(altered.data(), altered.size(), sizeof arena, 1) == OpenStatus::kOpen ? 1 : 0;
  }
  std::printf("%d of %zu models with another byte are models, too\n", opened, model.size());
  return failures == 0 ? 0 : 1;
}
