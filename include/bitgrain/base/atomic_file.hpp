#pragma once

/// Files that are whole or as they were: written beside their place, brought to the disk, renamed. A crash, a full
/// disk or Ctrl-C leaves the old file; nobody ever reads half a new one.

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bitgrain/base/check.hpp"

namespace bitgrain {

/// A file in the making. Until `commit` the file at `path` is untouched; without it, nothing is left behind. Only a
/// program that is killed leaves its "<path>.<process>-<number>.part": `remove_abandoned_files` takes it away.
///
///     AtomicFile file("model.bgm");
///     file.write(bytes.data(), bytes.size());
///     file.commit();
class AtomicFile {
 public:
  /// Starts a new file for `path` in the same folder, which must exist. If `path` is a link, the file it leads to
  /// will be replaced. Throws Error if the folder cannot be written, or something that is no regular file is there.
  explicit AtomicFile(const std::string& path) : path_(target_of(path)) {
    struct stat status {};
    if (stat(path_.c_str(), &status) == 0) {
      BITGRAIN_CHECK(S_ISREG(status.st_mode), "'", path, "' cannot be written: it is ",
                     S_ISDIR(status.st_mode) ? "a folder" : "not a regular file");
      mode_ = status.st_mode & 07777;
    }
    do {
      if (descriptor_ >= 0) close(descriptor_);
      part_ = path_ + "." + std::to_string(getpid()) + "-" + std::to_string(counter()++) + ".part";
      descriptor_ = open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    } while (descriptor_ >= 0 && !claim());
    BITGRAIN_CHECK(descriptor_ >= 0, "file '", path, "' cannot be written: ", std::strerror(errno),
                   errno == ENOENT ? " (its folder does not exist)" : "");
  }
  ~AtomicFile() { abandon(); }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends `size` bytes. Throws Error (disk full, ...), naming the file and how much was written before.
  void write(const void* data, std::size_t size) {
    BITGRAIN_CHECK(descriptor_ >= 0, "file '", path_, "' was already completed");
    const char* from = static_cast<const char*>(data);
    while (size > 0) {
      const ssize_t done = ::write(descriptor_, from, size);
      if (done < 0 && errno == EINTR) continue;
      if (done <= 0) give_up(done < 0 ? errno : ENOSPC);
      from += done;
      size -= static_cast<std::size_t>(done);
      written_ += static_cast<std::uint64_t>(done);
    }
  }
  void write(std::string_view text) { write(text.data(), text.size()); }

  /// Brings the bytes to the disk and puts the file in its place. Throws Error if that fails.
  void commit() {
    BITGRAIN_CHECK(descriptor_ >= 0, "file '", path_, "' was already completed");
    if (mode_ != 0) static_cast<void>(fchmod(descriptor_, mode_));  // as the file had it, where we may
    if (fsync(descriptor_) != 0 && errno != EINVAL && errno != ENOTSUP) give_up(errno);
    const int descriptor = std::exchange(descriptor_, -1);
    if (close(descriptor) != 0 || std::rename(part_.c_str(), path_.c_str()) != 0) give_up(errno);
    // The new name is an entry of the folder: only when that is on the disk does it survive a power failure.
    const auto slash = path_.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path_.substr(0, slash);
    const int entry = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (entry >= 0) {
      static_cast<void>(fsync(entry));
      close(entry);
    }
  }

  std::uint64_t bytes_written() const { return written_; }

 private:
  static std::string target_of(const std::string& path) {
    BITGRAIN_CHECK(!path.empty(), "a file to write needs a name, got an empty one");
    char* resolved = realpath(path.c_str(), nullptr);
    std::string target = resolved ? resolved : path;
    std::free(resolved);
    return target;
  }
  static std::atomic<unsigned>& counter() {
    static std::atomic<unsigned> count{0};
    return count;
  }
  // Locks the new file, so that nobody takes it for abandoned as long as this program lives. False if somebody just
  // did. File systems without locks are fine too: there nothing is ever taken away.
  bool claim() const {
    if (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) return errno != EWOULDBLOCK;
    struct stat status {};
    return fstat(descriptor_, &status) != 0 || status.st_nlink > 0;
  }
  void abandon() {
    if (descriptor_ < 0) return;
    close(std::exchange(descriptor_, -1));
    unlink(part_.c_str());
  }
  [[noreturn]] void give_up(int error) {
    abandon();
    unlink(part_.c_str());
    fail("file '", path_, "' cannot be written: ", std::strerror(error), " (after ", written_, " bytes)");
  }

  std::string path_, part_;
  mode_t mode_ = 0;  // of the file that is replaced; 0 if there is none
  int descriptor_ = -1;
  std::uint64_t written_ = 0;
};

/// Replaces the file at `path` by `bytes`, whole or not at all. Throws Error if it cannot be written.
inline void write_file_atomically(const std::string& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}
inline void write_file_atomically(const std::string& path, const std::vector<std::uint8_t>& bytes) {
  AtomicFile file(path);
  file.write(bytes.data(), bytes.size());
  file.commit();
}

namespace detail {
// Whether AtomicFile names unfinished files so: "<anything>.<digits>-<digits>.part".
inline bool is_part_name(std::string_view name) {
  constexpr std::string_view kEnding = ".part", kDigits = "0123456789";
  if (!name.ends_with(kEnding)) return false;
  name.remove_suffix(kEnding.size());
  for (const char before : {'-', '.'}) {
    const auto last = name.find_last_not_of(kDigits);
    if (last == std::string_view::npos || last == 0 || last + 1 == name.size() || name[last] != before) return false;
    name = name.substr(0, last);
  }
  return true;
}
}  // namespace detail

/// Removes the unfinished files that killed programs left in `folder`, never those of programs that live (they hold a
/// lock), and returns how many. A folder that cannot be read has none.
inline int remove_abandoned_files(const std::string& folder) {
  DIR* entries = opendir(folder.c_str());
  if (!entries) return 0;
  int removed = 0;
  while (const dirent* entry = readdir(entries)) {
    if (!detail::is_part_name(entry->d_name)) continue;
    const std::string path = folder + "/" + entry->d_name;
    const int descriptor = open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) continue;
    struct stat status {};
    const bool file = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    if (file && flock(descriptor, LOCK_EX | LOCK_NB) == 0) removed += unlink(path.c_str()) == 0;
    close(descriptor);
  }
  closedir(entries);
  return removed;
}

}  // namespace bitgrain
