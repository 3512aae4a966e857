// The umbrella headers, bitgrain.hpp and engine.hpp: all that they promise and nothing else.
#include "bitgrain/bitgrain.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "project/source_tree.hpp"

// Nothing that needs another library may come with the core.
#if defined(ZLIB_VERSION) || defined(STBI_VERSION) || defined(NLOHMANN_JSON_VERSION_MAJOR) || defined(CLI11_VERSION)
#error "bitgrain.hpp drags in a library that the core does not need"
#endif

namespace {
/// Our headers that `header` includes, directly or not, itself among them: "tensor/shape.hpp".
std::set<std::string> reached_from(const std::string& header) {
  std::set<std::string> reached;
  std::vector<std::string> to_read{header};
  while (!to_read.empty()) {
    const std::string next = to_read.back();
    to_read.pop_back();
    if (!reached.insert(next).second) continue;
    for (const std::string& included :
         source_tree::includes_of(source_tree::read(source_tree::root() / "include/bitgrain" / next)))
      if (included.starts_with("bitgrain/")) to_read.push_back(included.substr(9));
  }
  return reached;
}
}  // namespace

TEST_CASE("bitgrain.hpp brings every header of the core") {
  const std::set<std::string> reached = reached_from("bitgrain.hpp");
  std::string lacking;
  for (const std::string& header : source_tree::headers()) {
    const std::string folder = source_tree::folder_of(header);
    if (folder == "data" || folder == "run" || header.starts_with("kernels/reference/")) continue;
    if (header == "kernels/instances.hpp") continue;  // belongs into one translation unit only
    if (!reached.contains(header)) lacking += header + "\n";
  }
  INFO(lacking);
  CHECK(lacking.empty());
}

TEST_CASE("engine.hpp brings no autograd, no layers, no quantizers, no training") {
  for (const std::string& header : reached_from("engine.hpp")) {
    const std::string folder = source_tree::folder_of(header);
    CAPTURE(header);
    CHECK((folder.empty() || folder == "base" || folder == "tensor" || folder == "kernels" || folder == "deploy"));
  }
}

TEST_CASE("the namespace bitgrain holds what the umbrella promises") {
  using namespace bitgrain;
  Var<float> x(Tensor<float>(Shape{1, 2}, {3.0f, -4.0f}), true);
  sum(relu(x)).backward();
  CHECK(x.grad()[0] == 1.0f);
  CHECK(x.grad()[1] == 0.0f);
}
