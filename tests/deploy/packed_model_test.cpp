#include "bitgrain/deploy/packed_model.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "bitgrain/deploy/engine.hpp"
#include "bitgrain/deploy/interpreter.hpp"
#include "deploy/random_network.hpp"

namespace {
using namespace bitgrain;
using namespace bitgrain::deploy;
using deploy_test::random_images;
using deploy_test::random_network;
namespace fs = std::filesystem;

// A folder of its own for a test, removed with everything in it.
struct Folder {
  explicit Folder(const std::string& name)
      : path(fs::temp_directory_path() / ("bitgrain-" + name + std::to_string(getpid()))) {
    fs::create_directories(path);
  }
  ~Folder() { fs::remove_all(path); }
  std::string file(const std::string& name) const { return (path / name).string(); }
  std::size_t files() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(path), {})); }
  fs::path path;
};

std::string error_of(const std::vector<std::uint8_t>& bytes) {
  try {
    unpack_model(bytes, "model 'x'");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

void fix_checksum(std::vector<std::uint8_t>& bytes) {
  const std::uint64_t size = bytes.size();
  for (std::size_t i = 0; i < 8; ++i) bytes[12 + i] = static_cast<std::uint8_t>(size >> (8 * i));
  const std::uint32_t crc = crc32(std::span<const std::uint8_t>(bytes).first(bytes.size() - 4));
  for (std::size_t i = 0; i < 4; ++i) bytes[bytes.size() - 4 + i] = static_cast<std::uint8_t>(crc >> (8 * i));
}

// The network of a CIFAR ResNet of depth 6n + 2 with shortcut A: real shapes, arbitrary numbers.
class ResNet {
 public:
  ResNet(int n, int weight_bits) : bits_(weight_bits) {
    net.name = "ResNet";
    const int input = value("input", 32, 3, ValueType::kU8, 8);
    for (int i = 0; i < 3 * 256; ++i) net.input.codes.push_back(static_cast<std::int16_t>((i * 7 + i / 256) % 256));
    int x = activate("relu", {conv("conv1", input, 16, 3, 1)});
    for (int stage = 0; stage < 3; ++stage)
      for (int block = 0; block < n; ++block) {
        const std::string name = "stage" + std::to_string(stage) + "." + std::to_string(block);
        const std::int64_t channels = 16 << stage, stride = stage > 0 && block == 0 ? 2 : 1;
        const int y = activate(name + ".relu1", {conv(name + ".conv1", x, channels, 3, stride)});
        int shortcut = x;
        if (stride == 2) {
          shortcut = value(name + ".shortcut", 32 >> stage, channels, ValueType::kU8, 4);
          net.ops.emplace_back(SubsamplePadOp{x, shortcut, 2, channels / 4, channels / 4});
        }
        x = activate(name + ".relu2", {conv(name + ".conv2", y, channels, 3, 1), shortcut});
      }
    const int sum = value("pool", 1, 64, ValueType::kS32, 32);
    net.ops.emplace_back(SumPoolOp{x, sum, {1, 8, 8, 64, Window2d::square(8)}});
    x = activate("pool.quantizer", {sum});
    const int acc = conv("classifier", x, 10, 1, 1);
    const int logits = value("logits", 1, 10, ValueType::kS32, 32);
    requantize("classifier", {acc}, logits, INT32_MIN, INT32_MAX);
  }
  IntegerNetwork net;

 private:
  int value(const std::string& name, std::int64_t size, std::int64_t channels, ValueType type, int bits) {
    net.values.push_back({name, size, size, channels, type, bits, type == ValueType::kS32 ? 1.0 : 0.0371, 0});
    return static_cast<int>(net.values.size()) - 1;
  }
  int conv(const std::string& name, int x, std::int64_t out, std::int64_t kernel, std::int64_t stride) {
    const Value in = net.values[static_cast<std::size_t>(x)];
    ConvOp op;
    op.layer = name;
    op.input = x;
    op.geometry = {1, in.height, in.width, in.channels, out, Window2d::square(kernel, stride, kernel / 2), 1};
    op.output = value(name, op.geometry.out_h(), out, ValueType::kS32, 32);
    op.weights.bits = bits_;
    op.weights.step = {0.02f};
    const CodeRange range = code_range(Grid::kSigned, bits_);
    for (std::int64_t i = 0; i < op.geometry.weight_size(); ++i) {
      const auto span = static_cast<std::uint32_t>(range.high - range.low + 1);
      const int code = range.low + static_cast<int>(random_.below(span));
      op.weights.codes.push_back(static_cast<std::int8_t>(bits_ == 1 && code == 0 ? 1 : code));
    }
    net.ops.emplace_back(op);
    return op.output;
  }
  void requantize(const std::string& name, const std::vector<int>& terms, int output, std::int32_t low,
                  std::int32_t high) {
    const auto channels = static_cast<std::size_t>(net.values[static_cast<std::size_t>(output)].channels);
    std::vector<ScaledTerm> scaled;
    for (const int term : terms) {
      const Value& v = net.values[static_cast<std::size_t>(term)];
      ScaledTerm s{term, {}, v.type == ValueType::kS32 ? 1 << 20 : 15};
      if (v.name.ends_with("pool") || v.type == ValueType::kU8) s.scale = {1.3};
      while (s.scale.size() < channels && !v.name.ends_with("pool") && v.type != ValueType::kU8)
        s.scale.push_back(0.01 * random_.normal());
      scaled.push_back(s);
    }
    std::vector<double> shift(channels);
    for (double& v : shift) v = scaled[0].scale.size() == 1 ? 0 : random_.normal();
    net.ops.emplace_back(make_requantize(name, output, scaled, shift, low, high));
  }
  int activate(const std::string& name, const std::vector<int>& terms) {
    const Value from = net.values[static_cast<std::size_t>(terms[0])];
    const int output = value(name, from.height, from.channels, ValueType::kU8, 4);
    requantize(name, terms, output, 0, 15);
    return output;
  }

  int bits_;
  RandomStream random_{7, "resnet"};
};

std::int64_t convolution_channels(const IntegerNetwork& net) {
  std::int64_t channels = 0;
  for (const Op& op : net.ops)
    if (const auto* conv = std::get_if<ConvOp>(&op)) channels += conv->geometry.out_channels;
  return channels;
}
}  // namespace

TEST_CASE("packing and unpacking gives the same network, in both arithmetics") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const IntegerNetwork net = random_network(seed, seed % 4 == 3 ? Arithmetic::kFloat : Arithmetic::kInteger);
    const auto bytes = pack_model(net);
    const IntegerNetwork back = unpack_model(bytes);
    CHECK_MESSAGE(back == stored_form(net), "seed ", seed);
    CHECK(pack_model(back) == bytes);
    if (net.arithmetic == Arithmetic::kFloat) CHECK(back == net);
  }
}

TEST_CASE("a reloaded network computes the same") {
  for (std::uint64_t seed = 300; seed < 320; ++seed) {
    const IntegerNetwork net = random_network(seed);
    const auto image = random_images(net, 1, seed);
    CHECK(Engine(unpack_model(pack_model(net))).run_all_values(image.data()) ==
          Engine(net).run_all_values(image.data()));
  }
}

TEST_CASE("a ResNet-8 takes its payload, 16 bytes per channel and at most 4096 bytes, its input table included") {
  for (int bits = 1; bits <= 8; ++bits) {
    const IntegerNetwork net = ResNet(1, bits).net;
    std::int64_t payload = 0;
    for (const Op& op : net.ops)
      if (const auto* conv = std::get_if<ConvOp>(&op))
        payload += (static_cast<std::int64_t>(conv->weights.codes.size()) * bits + 7) / 8;
    CHECK(net.payload_bytes() == payload);
    const auto size = static_cast<std::int64_t>(pack_model(net).size());
    CHECK_MESSAGE(size <= payload + 16 * convolution_channels(net) + 4096, bits, " bits: ", size, " bytes");
    // Two channels of a layer cost 13 bytes each: what is left is the header.
    CHECK(size <= payload + 13 * convolution_channels(net) + 3 * 256 + 2200);
  }
  const IntegerNetwork deep = ResNet(9, 2).net;
  CHECK(static_cast<std::int64_t>(pack_model(deep).size()) <=
        deep.payload_bytes() + 16 * convolution_channels(deep) + 4096);
}

TEST_CASE("weights cost exactly ceil(n b / 8) bytes: a bit more per weight adds n / 8 bytes and nothing else") {
  const auto two = ResNet(1, 2).net, three = ResNet(1, 3).net;
  CHECK(pack_model(three).size() - pack_model(two).size() ==
        static_cast<std::size_t>(three.payload_bytes() - two.payload_bytes()));
}

TEST_CASE("a plain u8 input table costs one byte, one for all channels 256") {
  IntegerNetwork net = ResNet(1, 4).net;
  for (std::size_t i = 0; i < net.input.codes.size(); ++i) net.input.codes[i] = static_cast<std::int16_t>(i % 256);
  const std::size_t identity = pack_model(net).size();
  for (auto& code : net.input.codes) code = static_cast<std::int16_t>(255 - code);
  CHECK(pack_model(net).size() == identity + 256);
  net.input.codes[0] = 17;
  CHECK(pack_model(net).size() == identity + 256 * static_cast<std::size_t>(net.values[0].channels));
}

TEST_CASE("every truncation and every altered byte of a model is refused") {
  const auto bytes = pack_model(random_network(12));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK(error_of({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)}) != "");
  RandomStream random(1, "flip");
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto altered = bytes;
    altered[i] = static_cast<std::uint8_t>(altered[i] ^ (1 + random.below(255)));
    CHECK(error_of(altered) != "");
  }
  auto longer = bytes;
  longer.push_back(0);
  CHECK(error_of(longer) != "");
}

TEST_CASE("nonsense under a valid checksum is refused, or is a network that runs") {
  RandomStream random(2, "fuzz");
  int accepted = 0, refused = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const auto bytes = pack_model(random_network(seed, seed % 4 == 3 ? Arithmetic::kFloat : Arithmetic::kInteger));
    for (int round = 0; round < 100; ++round) {
      auto altered = bytes;
      const auto at = [&] { return 20 + random.below(static_cast<std::uint32_t>(altered.size() - 24)); };
      switch (random.below(4)) {
        case 0:
          altered[at()] = static_cast<std::uint8_t>(random.below(256));
          break;
        case 1:
          altered.erase(altered.begin() + at());
          break;
        case 2:
          altered.insert(altered.begin() + at(), static_cast<std::uint8_t>(random.below(256)));
          break;
        default:  // huge numbers
          for (std::uint32_t i = at(), n = 0; n < 9 && i + 4 < altered.size(); ++i, ++n) altered[i] = 0xFF;
      }
      fix_checksum(altered);
      try {
        const IntegerNetwork net = unpack_model(altered);
        ++accepted;
        std::int64_t elements = 0;
        for (const Value& v : net.values) elements += v.numel();
        if (elements > 100000 || round % 10 != 0) continue;
        const std::vector<std::uint8_t> image(static_cast<std::size_t>(net.values[0].numel()), 200);
        std::vector<float> logits(
            static_cast<std::size_t>(net.values[static_cast<std::size_t>(net.output())].numel()));
        Engine(net).run_real(image.data(), 1, logits.data());
      } catch (const Error&) {
        ++refused;
      }
    }
  }
  CHECK(accepted > 500);
  CHECK(refused > 1000);
}

TEST_CASE("a network that is not valid, or bytes after a network, are refused under a valid checksum") {
  const IntegerNetwork net = random_network(12);
  auto bytes = pack_model(net);
  ByteWriter out;
  out.bytes.assign(bytes.begin(), bytes.begin() + 20);
  IntegerNetwork broken = net;
  broken.values[1].step = -1;
  PackedWriter(out).write(broken);
  out.u32(0);
  fix_checksum(out.bytes);
  CHECK(error_of(out.bytes).find("the step must be positive and finite, got -1") != std::string::npos);
  bytes.insert(bytes.end() - 4, 7);
  fix_checksum(bytes);
  CHECK(error_of(bytes).find("1 bytes too many") != std::string::npos);
}

TEST_CASE("messages name the source, the offset and what was expected") {
  auto bytes = pack_model(random_network(12));
  CHECK(error_of({'P', 'K', 3, 4}).find("not a bitgrain model") != std::string::npos);
  CHECK(error_of({}).find("model 'x', offset 0") == 0);
  auto newer = bytes;
  newer[8] = 9;
  CHECK(error_of(newer).find("version 9, this program reads 1") != std::string::npos);
  const std::vector<std::uint8_t> half(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() / 2));
  CHECK(error_of(half).find("should have " + std::to_string(bytes.size()) + " bytes") != std::string::npos);
  bytes[30] ^= 1;
  CHECK(error_of(bytes).find("checksum") != std::string::npos);
  IntegerNetwork broken = random_network(12);
  broken.values[1].step = -1;
  CHECK_THROWS_WITH_AS(pack_model(broken), doctest::Contains("the step must be positive"), Error);
}

TEST_CASE("files: saved, loaded, replaced; missing files, folders and other files give an error") {
  const Folder folder("packed-model");
  const IntegerNetwork first = random_network(5), second = random_network(6);
  const std::string path = folder.file("model.bgm");
  save_packed_model(first, path);
  CHECK(load_packed_model(path) == stored_form(first));
  save_packed_model(second, path);
  CHECK(load_packed_model(path) == stored_form(second));
  CHECK(folder.files() == 1);
  CHECK_THROWS_WITH_AS(load_packed_model(folder.file("none.bgm")), doctest::Contains("none.bgm"), Error);
  CHECK_THROWS_AS(load_packed_model(folder.path.string()), Error);
  CHECK_THROWS_WITH_AS(load_packed_model("/dev/zero"), doctest::Contains("not a bitgrain model"), Error);
  std::ofstream(folder.file("empty.bgm")).flush();
  CHECK_THROWS_WITH_AS(load_packed_model(folder.file("empty.bgm")), doctest::Contains("empty.bgm"), Error);
  CHECK_THROWS_WITH_AS(save_packed_model(first, folder.file("no/where.bgm")), doctest::Contains("where.bgm"), Error);
  CHECK_THROWS_WITH_AS(save_packed_model(first, path + "/x.bgm"), doctest::Contains("x.bgm"), Error);
}

TEST_CASE("a disk that fills up leaves the old model and nothing else") {
  const Folder folder("packed-full");
  const std::string path = folder.file("model.bgm");
  const IntegerNetwork first = random_network(5), large = ResNet(1, 8).net;
  save_packed_model(first, path);
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 20000;
  REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
  CHECK_THROWS_WITH_AS(save_packed_model(large, path), doctest::Contains("model.bgm"), Error);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(load_packed_model(path) == stored_form(first));
  CHECK(folder.files() == 1);
}
