#include "bitgrain/data/class_names.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace bitgrain;

TEST_CASE("every list of class names has its number of entries, none twice") {
  const auto distinct = [](std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    return static_cast<std::size_t>(std::unique(names.begin(), names.end()) - names.begin());
  };
  CHECK(distinct(mnist_classes()) == 10);
  CHECK(distinct(fashion_mnist_classes()) == 10);
  CHECK(distinct(cifar10_classes()) == 10);
  CHECK(distinct(cifar100_coarse_classes()) == 20);
  CHECK(distinct(cifar100_fine_classes()) == 100);
}

TEST_CASE("CIFAR names are in alphabetical order, as their labels are") {
  const auto fine = cifar100_fine_classes();
  CHECK(std::is_sorted(fine.begin(), fine.end()));
  CHECK(cifar10_classes()[6] == "frog");
  CHECK(fine[0] == "apple");
  CHECK(fine[99] == "worm");
}
