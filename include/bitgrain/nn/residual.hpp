#pragma once

#include <memory>
#include <string>
#include <utility>

#include "bitgrain/nn/module.hpp"
#include "bitgrain/ops/add.hpp"

namespace bitgrain {

/// y = main(x) + shortcut(x); without a shortcut y = main(x) + x. Children: "main", "shortcut".
template <class T>
class Residual : public Module<T> {
 public:
  explicit Residual(std::unique_ptr<Module<T>> main, std::unique_ptr<Module<T>> shortcut = nullptr)
      : main_(std::move(main)), shortcut_(std::move(shortcut)) {
    BITGRAIN_CHECK(main_ != nullptr, "Residual: the main branch is null");
    this->register_module("main", *main_);
    if (shortcut_) this->register_module("shortcut", *shortcut_);
  }

  Var<T> forward(const Var<T>& x) override { return add((*main_)(x), shortcut_ ? (*shortcut_)(x) : x); }
  std::string describe() const override { return shortcut_ ? "Residual(shortcut)" : "Residual"; }

  Module<T>& main() { return *main_; }
  /// Null for the identity.
  Module<T>* shortcut() { return shortcut_.get(); }

 private:
  std::unique_ptr<Module<T>> main_, shortcut_;
};

}  // namespace bitgrain
