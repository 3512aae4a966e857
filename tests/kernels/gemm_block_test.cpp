// Protects blocks of a product: every way to read the operands gives the same C, also for parts of it and of the
// sums.
#include "bitgrain/kernels/f32/gemm_block.hpp"

#include <doctest/doctest.h>

#include <set>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "kernels/product_case.hpp"

namespace kernels = bitgrain::kernels;
using kernels::GemmOperand;

namespace {
// The first line of the memory that tiles of `depth` terms ask for, all pieces of a part together.
std::set<std::uintptr_t> fetched_lines(kernels::FetchedPart<float> part, const float* memory, std::int64_t depth) {
  std::set<std::uintptr_t> lines;
  while (part.pieces > 0) {
    const kernels::FetchAhead piece = part.take();
    for (std::uintptr_t k = 0; k < static_cast<std::uintptr_t>(depth); ++k)
      for (const std::uintptr_t next : {0, 64})
        lines.insert((piece.first + k / 16 * piece.block + k % 16 * piece.step + next -
                      reinterpret_cast<std::uintptr_t>(memory)) /
                     64);
  }
  return lines;
}
}  // namespace

TEST_CASE("what tiles fetch ahead covers a part of an operand, along its terms and across") {
  const bitgrain::Scratch<float> memory(64 * 1000);
  const auto along =
      fetched_lines(kernels::FetchedPart<float>::along_terms(memory.data(), 33, 112), memory.data(), 20);
  for (std::int64_t term = 0; term < 20; ++term)
    for (std::int64_t i = 0; i < 33; ++i) CHECK(along.count(static_cast<std::uintptr_t>(term * 112 + i) / 16) == 1);
  CHECK(*along.rbegin() < (19 * 112 + 64) / 16);

  const auto across =
      fetched_lines(kernels::FetchedPart<float>::across_terms(memory.data(), 17, 96), memory.data(), 48);
  for (std::int64_t row = 0; row < 17; ++row)
    for (std::int64_t term = 0; term < 48; ++term)
      CHECK(across.count(static_cast<std::uintptr_t>(row * 96 + term) / 16) == 1);
  CHECK(fetched_lines({}, memory.data(), 48).empty());
}

TEST_CASE_TEMPLATE("a block equals its reference however its operands are read", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using Blocks = kernels::GemmBlocks<T, typename Case::Arch>;
  bitgrain::RandomStream random(1, "gemm_block");
  for (const auto a_place : {GemmOperand::in_place, GemmOperand::packed_by_block, GemmOperand::packed_for_all})
    for (const auto b_place : {GemmOperand::in_place, GemmOperand::packed_by_block, GemmOperand::packed_for_all}) {
      if (a_place == GemmOperand::packed_for_all && b_place == GemmOperand::packed_for_all) continue;
      const auto multiply = [&](const Product& p, const T* a, const T* b, T* c) {
        const Blocks blocks(
            {p.m, p.n, p.k, a, p.trans_a ? 1 : p.lda(), p.trans_a ? p.lda() : 1, b, p.trans_b ? 1 : p.ldb(),
             p.trans_b ? p.ldb() : 1, static_cast<T>(p.alpha), static_cast<T>(p.beta), c, p.ldc()},
            a_place, b_place);
        // Quarters of C, and the sums in two ranges.
        const std::int64_t row = blocks.tiles() / 2, column = blocks.panels() / 2;
        for (const kernels::GemmRange terms : {kernels::GemmRange{0, p.k / 3}, kernels::GemmRange{p.k / 3, p.k}}) {
          if (terms.size() == 0) continue;
          std::vector<T> packed;
          kernels::PackedForAll<T> shared;
          if (a_place == GemmOperand::packed_for_all) {
            packed.resize(static_cast<std::size_t>(terms.size() * blocks.packed_rows(blocks.all_tiles())));
            shared = {packed.data(), blocks.all_tiles()};
            blocks.pack_a(blocks.all_tiles(), {0, row}, terms, packed.data());
            blocks.pack_a(blocks.all_tiles(), {row, blocks.tiles()}, terms, packed.data());
          } else if (b_place == GemmOperand::packed_for_all) {
            packed.resize(static_cast<std::size_t>(terms.size() * blocks.packed_columns(blocks.all_panels())));
            shared = {packed.data(), blocks.all_panels()};
            blocks.pack_b(blocks.all_panels(), {0, column}, terms, packed.data());
            blocks.pack_b(blocks.all_panels(), {column, blocks.panels()}, terms, packed.data());
          }
          const T beta = terms.begin == 0 ? static_cast<T>(p.beta) : T(1);
          for (const kernels::GemmRange rows : {kernels::GemmRange{0, row}, kernels::GemmRange{row, blocks.tiles()}})
            for (const kernels::GemmRange columns :
                 {kernels::GemmRange{0, column}, kernels::GemmRange{column, blocks.panels()}})
              blocks.multiply(rows, columns, terms, beta, shared);
        }
      };
      for (const bool trans_a : {false, true})
        for (const bool trans_b : {false, true})
          for (const std::int64_t m : {2, 15, 29})
            for (const std::int64_t n : {16, 33, 70})
              for (const std::int64_t k : {3, 70, 1600}) {
                const bool full = kernels::kGemmMasksColumns<T, typename Case::Arch> || n % Blocks::kL == 0;
                if (b_place == GemmOperand::in_place && (trans_b || !full)) continue;
                compare_product<T>({m, n, k, trans_a, trans_b, 1, 0.5, 1}, random, multiply);
              }
    }
}
