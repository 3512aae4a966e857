#pragma once

/// Where programs tell people what is going on.

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace bitgrain {

/// Lines that stay, and on a terminal one line at the bottom that is written again and again.
class Console {
 public:
  /// `out` is not owned. A terminal is recognised.
  explicit Console(std::FILE* out = stderr) : Console(out, isatty(fileno(out)) == 1) {}
  Console(std::FILE* out, bool terminal) : out_(out), terminal_(terminal) {}
  ~Console() { clear(); }
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  bool is_terminal() const { return terminal_; }

  /// Shows `text` on the bottom line, cut to the width of the window; does nothing when this is no terminal.
  void status(const std::string& text) {
    if (!terminal_) return;
    const std::string shown = text.substr(0, width());
    std::fprintf(out_, "\r%s\x1b[K", shown.c_str());
    std::fflush(out_);
    showing_ = true;
  }
  /// Takes the bottom line away.
  void clear() {
    if (!showing_) return;
    std::fputs("\r\x1b[K", out_);
    std::fflush(out_);
    showing_ = false;
  }
  /// A line that stays.
  void line(const std::string& text) {
    clear();
    std::fprintf(out_, "%s\n", text.c_str());
    std::fflush(out_);
  }

 private:
  // One column less than there are, so that the terminal does not wrap.
  std::size_t width() const {
    winsize size{};
    if (ioctl(fileno(out_), TIOCGWINSZ, &size) == 0 && size.ws_col > 20) return size.ws_col - 1U;
    return 79;
  }

  std::FILE* out_;
  bool terminal_;
  bool showing_ = false;
};

}  // namespace bitgrain
