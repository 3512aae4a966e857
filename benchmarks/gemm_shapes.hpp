#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// C [m,n] = op(A) op(B) with row-major matrices; op(A) is [m,k].
struct GemmShape {
  std::int64_t m, n, k;
  bool trans_a = false, trans_b = false;

  std::string name() const {
    return std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k) + "_" + (trans_a ? "t" : "n") +
           (trans_b ? "t" : "n");
  }
  std::int64_t lda() const { return trans_a ? m : k; }
  std::int64_t ldb() const { return trans_b ? k : n; }
  double operations() const { return 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k); }
};

/// The shape that `text` names, MxNxK[_tt] with t or n for each matrix; m = 0 if it names none.
inline GemmShape parse_gemm_shape(std::string_view text) {
  GemmShape shape{};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::int64_t* number : {&shape.m, &shape.n, &shape.k}) {
    if (number != &shape.m && (at == end || *at++ != 'x')) return {};
    const auto [stop, error] = std::from_chars(at, end, *number);
    if (error != std::errc() || *number < 1) return {};
    at = stop;
  }
  const std::string_view rest(at, static_cast<std::size_t>(end - at));
  if (rest.empty()) return shape;
  if (rest.size() != 3 || rest[0] != '_') return {};
  for (const char c : rest.substr(1))
    if (c != 'n' && c != 't') return {};
  shape.trans_a = rest[1] == 't';
  shape.trans_b = rest[2] == 't';
  return shape;
}

/// Squares; the products of float training (forward NT, backward data NN, backward weights TN); skinny and odd ones.
inline const std::vector<GemmShape> kGemmShapes = {
    {1024, 1024, 1024},
    {1024, 1024, 1024, false, true},
    {1024, 1024, 1024, true},
    {1024, 1024, 1024, true, true},
    {2048, 2048, 2048},
    {512, 512, 512},
    {256, 256, 256},
    {128, 128, 128},
    {64, 64, 64},
    {32, 32, 32},
    // 3x3 convolutions of ResNet-20 at batch 128 as products, and their weight gradients
    {131072, 16, 144},
    {32768, 32, 288},
    {8192, 64, 576},
    {16, 144, 131072, true},
    {32, 288, 32768, true},
    {64, 576, 8192, true},
    {144, 16, 131072, true},
    // the classifiers of ResNet-20 and LeNet-5
    {128, 10, 64, false, true},
    {128, 64, 10},
    {10, 64, 128, true},
    {128, 10, 512, false, true},
    {128, 512, 10},
    {10, 512, 128, true},
    // the large linear layers of LeNet-5 and VGG-7
    {128, 512, 3136, false, true},
    {128, 3136, 512},
    {512, 3136, 128, true},
    {100, 1024, 8192, false, true},
    {100, 8192, 1024},
    {1024, 8192, 100, true},
    // one to four vectors
    {1, 1024, 8192, false, true},
    {1, 8192, 1024},
    {8192, 1, 1024},
    {1024, 1, 8192, true},
    {1024, 8192, 1, true},
    {4, 1024, 8192, false, true},
    // short sums
    {1024, 1024, 1},
    {1024, 1024, 2},
    {1024, 1024, 4, false, true},
    {512, 512, 8},
    {1000, 1000, 5, true, true},
    // odd sizes
    {333, 777, 555},
    {333, 777, 555, false, true},
    {333, 777, 555, true},
    {333, 777, 555, true, true},
    {97, 101, 103},
    {17, 1000, 1000, false, true},
    {1000, 17, 1000},
    {100, 3, 1000},
    {1000, 5, 64}};
