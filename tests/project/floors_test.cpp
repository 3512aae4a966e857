// The floors of the house: which folder may include which, and which other libraries.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "project/source_tree.hpp"

namespace {
constexpr std::array<std::string_view, 14> kOrder = {"base", "tensor", "kernels", "autograd", "ops",
                                                     "nn",   "models", "optim",   "quant",    "deploy",
                                                     "data", "train",  "search",  "run"};
// Pairs that must not see each other although the order would let them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kNever = {{{"nn", "models"},
                                                                                  {"quant", "models"},
                                                                                  {"quant", "optim"},
                                                                                  {"deploy", "nn"},
                                                                                  {"deploy", "models"},
                                                                                  {"deploy", "optim"}}};

std::size_t floor_of(std::string_view folder) {
  return static_cast<std::size_t>(std::find(kOrder.begin(), kOrder.end(), folder) - kOrder.begin());
}

// Why a header of `folder` must not include `included`; empty if it may.
std::string objection(const std::string& folder, const std::string& included) {
  const bool ours = included.starts_with("bitgrain/");
  if (!ours) {
    const auto starts = [&](std::string_view prefix) { return included.starts_with(prefix); };
    if (included.find("CLI") != std::string::npos) return "CLI11 is for the command-line program";
    if (starts("nlohmann") && folder != "run") return "JSON belongs to run/";
    if ((starts("zlib") || starts("stb")) && folder != "data") return "zlib and stb_image belong to data/";
    if (starts("iostream") || starts("format") || starts("regex"))
      return "this standard header is too heavy or missing";
    if (included.ends_with(".hpp") && !starts("xsimd") && !starts("nlohmann"))
      return "headers are included by full path";
    return "";
  }
  const std::string other = source_tree::folder_of(included.substr(9));
  if (folder.empty()) return "";  // an umbrella header
  if (other.empty()) return "an umbrella header is for users";
  if (floor_of(other) == kOrder.size()) return "an unknown folder";
  if (floor_of(other) > floor_of(folder)) return "a lower floor";
  if (std::find(kNever.begin(), kNever.end(), std::pair<std::string_view, std::string_view>(folder, other)) !=
      kNever.end())
    return "a pair that must not see each other";
  if (folder == "data" && other != "base" && other != "tensor" && other != "data")
    return "data sees base and tensor only";
  return "";
}

// Everything that a header includes, itself and others' headers among it, directly or not.
void include_all(const std::string& header, std::set<std::string>& ours, std::set<std::string>& others) {
  if (!ours.insert(header).second) return;
  for (const std::string& included :
       source_tree::includes_of(source_tree::read(source_tree::root() / "include/bitgrain" / header)))
    if (included.starts_with("bitgrain/"))
      include_all(included.substr(9), ours, others);
    else
      others.insert(included);
}
}  // namespace

TEST_CASE("the engine is base, tensor, kernels and deploy, and without a heap it needs no other library") {
  std::set<std::string> ours, others, firmware, its_others;
  include_all("engine.hpp", ours, others);
  include_all("deploy/arena_engine.hpp", firmware, its_others);
  CHECK(ours.contains("deploy/arena_engine.hpp"));
  for (const std::string& header : ours) {
    const std::string folder = source_tree::folder_of(header);
    INFO(header);
    CHECK((folder.empty() || folder == "base" || folder == "tensor" || folder == "kernels" || folder == "deploy"));
  }
  for (const std::string& other : others) CHECK_MESSAGE(other.find("Eigen") == std::string::npos, other);
  for (const std::string& other : its_others) CHECK_MESSAGE(!other.ends_with(".hpp"), other);
}

TEST_CASE("every header includes its own floor and those above it, and only the libraries of its floor") {
  std::string objections;
  for (const std::string& header : source_tree::headers())
    for (const std::string& included :
         source_tree::includes_of(source_tree::read(source_tree::root() / "include/bitgrain" / header))) {
      const std::string why = objection(source_tree::folder_of(header), included);
      if (!why.empty()) objections += header + " includes " + included + ": " + why + "\n";
    }
  INFO(objections);
  CHECK(objections.empty());
}

TEST_CASE("every header stands on a known floor") {
  for (const std::string& header : source_tree::headers()) {
    const std::string folder = source_tree::folder_of(header);
    CAPTURE(header);
    CHECK((folder.empty() || floor_of(folder) < kOrder.size()));
  }
}

TEST_CASE("the floor check objects to what is forbidden and to nothing else") {
  CHECK(objection("ops", "bitgrain/kernels/f32/gemm.hpp").empty());
  CHECK(objection("train", "bitgrain/data/loader.hpp").empty());
  CHECK(objection("run", "nlohmann/json.hpp").empty());
  CHECK(objection("data", "zlib.h").empty());
  CHECK(objection("kernels", "xsimd/xsimd.hpp").empty());
  CHECK(objection("", "bitgrain/run/report.hpp").empty());
  CHECK(!objection("kernels", "bitgrain/autograd/var.hpp").empty());
  CHECK(!objection("nn", "bitgrain/models/lenet5.hpp").empty());
  CHECK(!objection("quant", "bitgrain/optim/sgd.hpp").empty());
  CHECK(!objection("deploy", "bitgrain/nn/module.hpp").empty());
  CHECK(!objection("data", "bitgrain/autograd/var.hpp").empty());
  CHECK(!objection("train", "nlohmann/json.hpp").empty());
  CHECK(!objection("deploy", "zlib.h").empty());
  CHECK(!objection("run", "stb/stb_image.h").empty());
  CHECK(!objection("run", "CLI/CLI.hpp").empty());
  CHECK(!objection("base", "iostream").empty());
  CHECK(!objection("ops", "bitgrain/bitgrain.hpp").empty());
  CHECK(!objection("ops", "conv2d.hpp").empty());
  CHECK(source_tree::includes_of("#include <a.h>\n # include \"b/c.hpp\"  // x\n// #include <no>\nint x;\n") ==
        std::vector<std::string>{"a.h", "b/c.hpp"});
}
