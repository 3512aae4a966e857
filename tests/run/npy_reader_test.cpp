// .npy files come from outside: whatever NumPy writes must be read, and nothing else must do harm.
#include "bitgrain/run/npy_reader.hpp"

#include <doctest/doctest.h>

#include "bitgrain/run/npy.hpp"
#include "error_of.hpp"
#include "run/folder.hpp"

using namespace bitgrain;

namespace {
std::string file_of(const std::string& dict, const std::string& data, char version = 1) {
  std::string head = std::string("\x93NUMPY") + version + '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) head += static_cast<char>(dict.size() >> (8 * i) & 0xFF);
  return head + dict + data;
}
std::string floats(std::initializer_list<float> values) {
  return std::string(reinterpret_cast<const char*>(values.begin()), values.size() * 4);
}
const std::string kDict = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }          \n";
}  // namespace

TEST_CASE("what write_npy writes comes back, whatever the rank") {
  const TestFolder folder("npy_reader");
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{7}, Shape{2, 3, 5}, Shape{0, 4}, Shape{2, 1, 3, 1, 2, 2}}) {
    Tensor<float> t(shape);
    for (std::int64_t i = 0; i < t.numel(); ++i) t.mutable_data()[i] = 0.5F * static_cast<float>(i) - 1;
    write_npy(folder / "t.npy", t);
    const Tensor<float> back = read_npy_floats(folder / "t.npy");
    CHECK(back.shape() == shape);
    for (std::int64_t i = 0; i < t.numel(); ++i) CHECK(back[i] == t[i]);
  }
}

TEST_CASE("versions 2 and 3, other key orders, other quotes, doubles and halves are read") {
  const TestFolder folder("npy_reader");
  const auto read = [&](const std::string& bytes) {
    write_file_atomically(folder / "t.npy", bytes);
    return read_npy_floats(folder / "t.npy");
  };
  const std::string six = floats({0, 1, 2, 3, 4, 5});
  for (const char version : {'\1', '\2', '\3'}) CHECK(read(file_of(kDict, six, version))[5] == 5.0F);
  CHECK(read(file_of(R"({"shape":(6,),"descr":"<f4","fortran_order":False})", six)).shape() == Shape{6});
  CHECK(read(file_of("{'descr': '<f2', 'fortran_order': False, 'shape': (1,), }", std::string("\0\x3C", 2)))[0] ==
        1.0F);
  const double pi = 3.25;
  CHECK(read(file_of("{'descr': '<f8', 'fortran_order': False, 'shape': ()}",
                     std::string(reinterpret_cast<const char*>(&pi), 8)))
            .item() == 3.25F);
}

TEST_CASE("Fortran order becomes C order") {
  const TestFolder folder("npy_reader");
  // numpy.asfortranarray([[0, 1, 2], [3, 4, 5]]): columns one after the other.
  write_file_atomically(folder / "t.npy", file_of("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }",
                                                  floats({0, 3, 1, 4, 2, 5})));
  const Tensor<float> t = read_npy_floats(folder / "t.npy");
  CHECK(t.shape() == Shape{2, 3});
  for (std::int64_t i = 0; i < 6; ++i) CHECK(t[i] == static_cast<float>(i));
}

TEST_CASE("everything else is an error that names the file, and no shortened or changed file does harm") {
  const TestFolder folder("npy_reader");
  const auto objection = [&](const std::string& bytes) {
    write_file_atomically(folder / "t.npy", bytes);
    return error_of([&] { read_npy_floats(folder / "t.npy"); });
  };
  const std::string six = floats({0, 1, 2, 3, 4, 5}), good = file_of(kDict, six);
  CHECK(objection(good).empty());
  CHECK(contains(objection("PK\x03\x04 something else"), "t.npy', offset 0: this is no .npy file"));
  CHECK(contains(objection(file_of(kDict, six, 4)), "version 4 is not known"));
  CHECK(contains(objection(file_of(kDict, six + "x")), "has 25 bytes"));
  const auto dict = [&](const std::string& text) { return objection(file_of(text, six)); };
  CHECK(contains(dict("{'descr': '>f4', 'fortran_order': False, 'shape': (6,)}"), "is of type '>f4'"));
  CHECK(contains(dict("{'descr': '|O', 'fortran_order': False, 'shape': (6,)}"), "is of type '|O'"));
  CHECK(contains(dict("{'descr': '<f4', 'shape': (6,)}"), "needs 'descr', 'fortran_order' and 'shape'"));
  CHECK(contains(dict("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'x': 1}"), "the key 'x'"));
  CHECK(contains(dict("{'descr': '<f4', 'fortran_order': False, 'shape': (-6,)}"), "an extent that is no number"));
  CHECK(contains(dict("{'descr': '<f4', 'fortran_order': maybe, 'shape': (6,)}"), "neither True nor False"));
  CHECK(contains(dict("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}"), "too large"));
  CHECK(contains(dict("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,6)}"), "6 dimensions"));
  for (std::size_t cut = 0; cut < good.size(); ++cut) CHECK_FALSE(objection(good.substr(0, cut)).empty());
  for (std::size_t at = 0; at < good.size() - six.size(); ++at)
    for (const char c : {'\0', '\xff', '\'', '(', '9'}) {
      std::string changed = good;
      changed[at] = c;
      objection(changed);  // an error or not, but never a crash
    }
}
