#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/kernels/bits/packed_fields.hpp"
#include "kernels/bits_case.hpp"

namespace {
namespace kernels = bitgrain::kernels;

template <class F>
void round_trip(const kernels::PackedFields& packed, const std::vector<std::int8_t>& codes) {
  std::vector<std::int8_t> back(codes.size() + 1, 99);
  kernels::unpack_fields<F>(packed, back.data());
  CHECK_MESSAGE(back.back() == 99, F::kName, " writes beyond ", codes.size());
  back.pop_back();
  CHECK_MESSAGE(back == codes, F::kName, ": ", codes.size(), " codes of ", packed.codes.bits, " bits");
}
}  // namespace

TEST_CASE("packed weights unpack to the same codes, at every number of bits and awkward counts") {
  bitgrain::RandomStream random(1, "packed weights");
  for (int bits = 1; bits <= 8; ++bits)
    for (const auto& grid : {bits_case::signed_codes(bits), bits_case::odd_codes(bits < 8 ? bits : 7)})
      for (const std::int64_t count : {1, 2, 63, 64, 65, 511, 512, 513, 1600}) {
        const auto codes = bits_case::random_codes<std::int8_t>(grid, count, random);
        const auto packed = kernels::pack_fields(codes.data(), count);
        CHECK(packed.codes.bits <= grid.bits);
        CHECK(packed.bytes.numel() == (count + 511) / 512 * 64 * packed.codes.bits);
        round_trip<kernels::BestFields>(packed, codes);
        round_trip<kernels::GenericFields>(packed, codes);
#if defined(__AVX2__)
        round_trip<kernels::Avx2Fields>(packed, codes);
#endif
      }
}
