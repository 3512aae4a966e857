// Convolutions of few bits: every kernel that runs them, from codes as they lie between layers (bytes) to codes, with
// whatever packing of activations the kernel needs and the requantization to codes inside the timing. Weights are
// packed beforehand, as the engine does.
//
//   bench_bits [--threads=N] [--shape=N,H,W,I,O,K[,stride[,pad[,groups[,dilation]]]]]... [--summary=1]
//              [Google Benchmark's options]
//
// Rows: conv_bits / w<weight bits>a<activation bits> / bytes | packed8 | packed_linear | bit_serial / <layer>, for 1
// to 8 bits each; weights on the signed grid (-1 and +1 at one bit), activations unsigned. GOPS counts 2 operations
// per multiply-accumulate inside the image whatever the bits. After the rows comes the table "bits against
// nanoseconds": for each layer and pair of bits the fastest kernel and its speed against the 8-bit kernel, losses
// included.
// --summary=1 prints only the tables, after short measurements.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "bitgrain/base/random.hpp"
#include "bitgrain/deploy/requantize.hpp"
#include "bitgrain/kernels/bits/any_conv2d.hpp"
#include "conv_layers.hpp"
#include "threads_flag.hpp"

using namespace bitgrain;
using kernels::BitsKernel;

namespace {

std::vector<ConvLayer> bit_layers() {
  std::vector<ConvLayer> layers;
  for (const ConvLayer& layer : known_layers())
    for (const char* wanted : {"16-16@32", "32-32@16", "64-64@8", "128-128@28", "256-256@14"})
      if (layer.name == wanted) layers.push_back(layer);
  layers.push_back({"linear_8192-1024", {1, 1, 1, 8192, 1024, Window2d{}, 1}});
  return layers;
}

template <class Code>
std::vector<Code> random_codes(kernels::BitCodes codes, std::int64_t count) {
  RandomStream random(1, "bench");
  std::vector<Code> result(static_cast<std::size_t>(count));
  for (auto& code : result)
    code = static_cast<Code>(codes.lowest + codes.spacing * static_cast<int>(random.below(1u << codes.bits)));
  return result;
}

// Accumulators of a layer to unsigned codes of so many bits, spread over their range, from another middle in each
// channel.
kernels::Requantization requantization(const ConvGeometry& g, int weight_bits, int input_bits) {
  const std::int64_t products = g.weight_size() / g.out_channels, bound = products << (weight_bits + input_bits);
  const double codes = (1 << input_bits) - 1;
  RandomStream random(2, "bench");
  std::vector<double> shift;
  for (std::int64_t c = 0; c < g.out_channels; ++c) shift.push_back(codes * random.uniform(0.3, 0.7));
  const deploy::RequantizeOp op = deploy::make_requantize(
      "bench", 1, {{0, {4 * codes / static_cast<double>(bound)}, bound}}, shift, 0, static_cast<std::int32_t>(codes));
  return kernels::make_requantization(op.terms[0].multiplier, {}, op.bias, op.shift, op.low, op.high, 0, bound);
}

void run_row(benchmark::State& state, const ConvGeometry& g, int weight_bits, int input_bits, BitsKernel kernel) {
  const kernels::BitCodes input = kernels::codes_of(Grid::kUnsigned, input_bits);
  const auto x = random_codes<std::uint8_t>(input, g.input_size());
  const auto w = random_codes<std::int8_t>(kernels::codes_of(Grid::kSigned, weight_bits), g.weight_size());
  std::vector<std::uint8_t> y(static_cast<std::size_t>(g.output_size()));
  const kernels::AnyConv2d conv = kernels::pack_any_conv2d(kernel, g, w.data(), input);
  const kernels::Requantization constants = requantization(g, weight_bits, input_bits);

  const std::int64_t image_in = g.input_size() / g.batch, image_out = g.output_size() / g.batch;
  const auto run = [&](std::int64_t begin, std::int64_t end) {
    kernels::any_conv2d_codes(conv, end - begin, x.data() + begin * image_in, constants, nullptr,
                              y.data() + begin * image_out);
  };
  // Chunks of images as the engine's: at most 16, and one per thread.
  const std::int64_t chunk = std::min<std::int64_t>(16, (g.batch + num_threads() - 1) / num_threads());
  for (auto _ : state) {
    if (g.batch == 1)
      run(0, 1);
    else
      parallel_for(g.batch, chunk, run);
    benchmark::ClobberMemory();
  }
  state.counters["GOPS"] =
      benchmark::Counter(conv_operations(g) * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["weight_KiB"] = static_cast<double>(conv.weight_bytes()) / 1024;
}

std::string bits_name(int weight_bits, int input_bits) {
  return "w" + std::to_string(weight_bits) + "a" + std::to_string(input_bits);
}

void add_layer(const ConvLayer& layer) {
  for (int weight_bits = 8; weight_bits >= 1; --weight_bits)
    for (int input_bits = 8; input_bits >= 1; --input_bits)
      for (const BitsKernel kernel : kernels::kBitsKernels) {
        const ConvGeometry g = layer.geometry;
        if (!kernels::applicable(kernel, g, weight_bits, input_bits, Grid::kSigned)) continue;
        const std::string name = "conv_bits/" + bits_name(weight_bits, input_bits) + "/" +
                                 std::string(to_string(kernel)) + "/" + layer.name;
        benchmark::RegisterBenchmark(
            name.c_str(), [=](benchmark::State& state) { run_row(state, g, weight_bits, input_bits, kernel); })
            ->UseRealTime()
            ->Unit(benchmark::kMicrosecond);
      }
}

// Collects the rows for the tables.
class TableReporter : public benchmark::ConsoleReporter {
 public:
  explicit TableReporter(bool rows) : rows_(rows) {}
  bool ReportContext(const Context& context) override {
    return rows_ ? ConsoleReporter::ReportContext(context) : true;
  }
  void ReportRuns(const std::vector<Run>& runs) override {
    if (rows_) ConsoleReporter::ReportRuns(runs);
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration || run.error_occurred) continue;
      // conv_bits/<bits>/<kernel>/<layer>
      const std::string& name = run.run_name.function_name;
      const std::size_t a = name.find('/'), b = name.find('/', a + 1), c = name.find('/', b + 1);
      const std::string kernel = name.substr(b + 1, c - b - 1), layer = name.substr(c + 1);
      if (!times_.contains(layer)) order_.push_back(layer);
      // One thread: its own time, which a busy machine disturbs less.
      const double seconds = num_threads() == 1 ? run.cpu_accumulated_time : run.real_accumulated_time;
      times_[layer][name.substr(a + 1, b - a - 1)][kernel].push_back(seconds / static_cast<double>(run.iterations) *
                                                                     1e9);
    }
  }

  void print_tables() {
    for (const std::string& layer : order_) {
      std::printf("\n%s: bits against nanoseconds of %s\n", layer.c_str(), num_threads() == 1 ? "processor" : "wall");
      std::printf("%-6s %-14s %12s %12s %9s   others, x bytes\n", "bits", "fastest", "ns", "bytes, ns", "x bytes");
      for (auto& [bits, by_kernel] : times_[layer]) {
        // The 8-bit kernel is as fast whatever the codes; its row beside the others had the same neighbours.
        const double bytes = median(by_kernel["bytes"]);
        std::string fastest = "bytes", others;
        double least = bytes;
        for (auto& [kernel, all] : by_kernel)
          if (median(all) < least) least = median(all), fastest = kernel;
        for (auto& [kernel, all] : by_kernel) {
          if (kernel == fastest || kernel == "bytes") continue;
          char text[64];
          std::snprintf(text, sizeof text, "%s %.2f  ", kernel.c_str(), bytes / median(all));
          others += text;
        }
        std::printf("%-6s %-14s %12.0f %12.0f %9.2f   %s\n", bits.c_str(), fastest.c_str(), least, bytes,
                    bytes / least, others.c_str());
      }
    }
  }

 private:
  static double median(std::vector<double> v) {
    if (v.empty()) return std::numeric_limits<double>::infinity();
    std::sort(v.begin(), v.end());
    return v[v.size() / 2];
  }

  bool rows_;
  std::vector<std::string> order_;
  std::map<std::string, std::map<std::string, std::map<std::string, std::vector<double>>>> times_;
};

}  // namespace

int main(int argc, char** argv) {
  const auto shapes = take_flags(argc, argv, "shape");
  const bool summary = !take_flags(argc, argv, "summary").empty();
  if (shapes.empty())
    for (const ConvLayer& layer : bit_layers()) add_layer(layer);
  for (const std::string& shape : shapes) add_layer(parse_layer(shape));
  TableReporter reporter(!summary);
  std::vector<char*> arguments(argv, argv + argc);
  char min_time[] = "--benchmark_min_time=0.02";
  if (summary) arguments.insert(arguments.begin() + 1, min_time);  // a flag of the command line comes later and wins
  const int status = run_benchmarks(static_cast<int>(arguments.size()), arguments.data(), &reporter);
  if (status == 0) reporter.print_tables();
  return status;
}
