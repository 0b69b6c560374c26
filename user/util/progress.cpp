#include "util/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string_view>

#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

namespace aiotrace {
namespace {

constexpr std::uint64_t kEachNs = 250'000'000;
constexpr std::uint64_t kSecondNs = 1'000'000'000;
// Back to the first column, and erase to the end of the line.
constexpr std::string_view kClear = "\r\x1b[K";

std::atomic<bool> line_shown = false;

std::size_t columns() {
  winsize size{};
  constexpr std::size_t kUsual = 80;
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 ? size.ws_col : kUsual;
}

bool can_move() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && (term == nullptr || std::string_view(term) != "dumb");
}

void put(std::string_view text) { (void)!::write(STDERR_FILENO, text.data(), text.size()); }

}  // namespace

Progress::Progress(const std::string& what) : shown_(can_move()), begin_ns_(monotonic_ns()) {
  if (shown_) say(what);
}

Progress::~Progress() { clear_progress(); }

std::uint64_t Progress::next_ns() const {
  if (!shown_) return UINT64_MAX;
  return written_ns_ == 0 ? 0 : written_ns_ + kEachNs;
}

void Progress::write(std::uint64_t now_ns, const std::string& text) {
  written_ns_ = now_ns;
  const auto line = fmt::format("{} s  {}", (now_ns - begin_ns_) / kSecondNs, text);
  // A line that wraps cannot be erased.
  put(std::string(kClear) + shorten_right(clean_for_terminal(line), columns() - 1));
  line_shown = true;
}

std::string how_to_end(std::uint64_t duration_ns, const std::string& then) {
  if (duration_ns == 0) return "; Ctrl-C ends it and prints " + then;
  return fmt::format(" for {}; Ctrl-C ends it sooner and prints {}", format_duration_ns(duration_ns), then);
}

void clear_progress() {
  if (line_shown.exchange(false)) put(kClear);
}

}  // namespace aiotrace
