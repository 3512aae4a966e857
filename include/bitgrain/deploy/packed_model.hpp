#pragma once

/// The packed model file: a network in as few bytes as its bits ask for.
///
///     "bitgrain"                8 bytes
///     version                   u32, now 1
///     size                      u64, of the whole file
///     arithmetic                u8
///     name, class names         texts
///     values                    name, height, width, channels, type u8, bits u8, step f64, zero point
///     input table               u8: 0 the bytes themselves; 1 u8, 2 s8, 256 bytes per channel; +4 one for all
///     channels ops                       kind u8 (the order of Op), then per kind the fields of integer_network.hpp:
///       convolution             ..., grid u8, bits u8, layout u8 (grid_fields.hpp), steps, ceil(n b / 8) weight
///       bytes requantization          ..., n_c u8, B_c i64, per term M_c i32 or one ratio f64
///       (channel_constants.hpp)
///     CRC-32                    u32, of all bytes before it
///
/// Numbers are little-endian, counts LEB128 varints (signed ones zigzag), texts a length and bytes. Sizes that follow
/// from values are not written. In integer arithmetic weight steps are not needed (they are inside M_c): a step per
/// tensor is kept for reports, steps per channel are not.
///
/// A convolution costs 13 bytes of constants per channel; the whole file is below payload + 16 bytes per channel +
/// 4096 for networks of up to some fifty layers with names of usual length.

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bitgrain/base/atomic_file.hpp"
#include "bitgrain/base/check.hpp"
#include "bitgrain/deploy/byte_reader.hpp"
#include "bitgrain/deploy/byte_writer.hpp"
#include "bitgrain/deploy/crc32.hpp"
#include "bitgrain/deploy/integer_network.hpp"
#include "bitgrain/deploy/packed_header.hpp"
#include "bitgrain/deploy/packed_network.hpp"
#include "bitgrain/deploy/packed_reader.hpp"
#include "bitgrain/deploy/packed_writer.hpp"
#include "bitgrain/deploy/validate.hpp"

namespace bitgrain::deploy {

/// The network as its file will give it back: without per-channel weight steps in integer arithmetic. Loading what
/// was saved gives exactly this.
inline IntegerNetwork stored_form(IntegerNetwork network) {
  if (network.arithmetic == Arithmetic::kInteger)
    for (Op& op : network.ops)
      if (auto* conv = std::get_if<ConvOp>(&op); conv != nullptr && conv->weights.step.size() > 1)
        conv->weights.step.clear();
  return network;
}

/// The bytes of a model file. Throws Error if the network is not valid.
inline std::vector<std::uint8_t> pack_model(const IntegerNetwork& network) {
  validate(network);
  ByteWriter out;
  out.bytes.assign(kModelMagic.begin(), kModelMagic.end());
  out.u32(kModelVersion);
  const std::size_t size_at = out.bytes.size();
  out.u64(0);
  PackedWriter(out).write(stored_form(network));
  ByteWriter size;
  size.u64(out.bytes.size() + 4);
  std::copy(size.bytes.begin(), size.bytes.end(), out.bytes.begin() + static_cast<std::ptrdiff_t>(size_at));
  out.u32(crc32(out.bytes));
  return std::move(out.bytes);
}

/// The network in the bytes of a model file; `source` names them in messages. Throws Error for anything but a
/// complete, unaltered file that holds a valid network.
inline IntegerNetwork unpack_model(std::span<const std::uint8_t> bytes, const std::string& source = "packed model") {
  char text[1024];
  Report report(text);
  if (!check_header(bytes, source, report)) raise(text);
  ByteReader in = body_reader(bytes, source, report);
  PackedNetworkReader reader(in);
  if (reader.read_head() < 0 || !reader.read_body()) raise(text);
  const PackedNetwork packed = reader.take();
  if (in.remaining() != 0) in.fail(in.remaining(), " bytes too many");
  if (report.failed()) raise(text);
  if (!check_network(packed, report)) fail(source, ", before offset ", in.offset(), ": ", text);
  return unpack_network(packed);
}

/// Writes the model file at `path`: beside it first, then in its place, so that a failure leaves what was there.
/// Throws Error naming the file if it cannot be written, or if the network is not valid.
inline void save_packed_model(const IntegerNetwork& network, const std::string& path) {
  write_file_atomically(path, pack_model(network));
}

/// Reads a model file. Throws Error naming the file and the offset of what is wrong.
inline IntegerNetwork load_packed_model(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  BITGRAIN_CHECK(file != nullptr, "model '", path, "' cannot be opened: ", std::strerror(errno));
  std::vector<std::uint8_t> bytes;
  constexpr std::size_t kStep = std::size_t{1} << 20;
  for (std::size_t got = kStep; got == kStep;) {
    const std::size_t before = bytes.size();
    bytes.resize(before + kStep);
    got = std::fread(bytes.data() + before, 1, kStep, file);
    bytes.resize(before + got);
    // Something endless that is no model should not be read to its end.
    if (before == 0 && !std::equal(kModelMagic.begin(), kModelMagic.end(), bytes.begin(),
                                   bytes.begin() + static_cast<std::ptrdiff_t>(std::min(got, kModelMagic.size()))))
      break;
  }
  const bool failed = std::ferror(file) != 0;
  const int error = errno;
  std::fclose(file);
  BITGRAIN_CHECK(!failed, "model '", path, "' cannot be read: ", std::strerror(error));
  return unpack_model(bytes, "model '" + path + "'");
}

}  // namespace bitgrain::deploy
