#include "app/terminal.h"

#include <langinfo.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

// Included last: its macros have common names.
#define NCURSES_NOMACROS 1
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <term.h>
#undef columns

namespace aiotrace::app {
namespace {

using output::Ink;

// Data with which a signal handler can restore the terminal: the handler allocates and looks up nothing.
struct Restore {
  termios modes{};
  std::array<char, 256> text{};  // leaves the other screen, shows the cursor, plain characters
  std::size_t length = 0;
  volatile std::sig_atomic_t armed = 0;
};
Restore restore;  // NOLINT(*-avoid-non-const-global-variables): a signal handler has no other way

constexpr std::array kFaults{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

extern "C" void give_back_and_die(int number) {
  if (restore.armed != 0) {
    (void)!::write(STDOUT_FILENO, restore.text.data(), restore.length);
    ::tcsetattr(STDOUT_FILENO, TCSANOW, &restore.modes);
  }
  ::raise(number);  // the handler was removed: the process ends as usual
}

void handle(int number) {
  struct sigaction action{};
  action.sa_handler = give_back_and_die;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
  ::sigemptyset(&action.sa_mask);
  ::sigaction(number, &action, nullptr);
}

void keep_capability(const char* name) {
  const char* text = ::tigetstr(name);
  if (text == nullptr || text == reinterpret_cast<const char*>(-1)) return;
  const std::string_view sequence(text);
  if (restore.length + sequence.size() > restore.text.size()) return;
  std::memcpy(restore.text.data() + restore.length, sequence.data(), sequence.size());
  restore.length += sequence.size();
}

// Pairs of colours by number; 0 is the terminal's own.
constexpr short kYellow = 1;
constexpr short kRed = 2;
constexpr short kBlue = 3;
constexpr short kMagenta = 4;

attr_t color_of(Ink ink) {
  switch (ink) {
    case Ink::warning:
    case Ink::runnable: return COLOR_PAIR(kYellow);
    case Ink::error: return COLOR_PAIR(kRed) | A_BOLD;
    case Ink::blocked: return COLOR_PAIR(kMagenta);
    case Ink::on_cpu: return COLOR_PAIR(kBlue);
    default: return A_NORMAL;
  }
}

attr_t attributes_of(Ink ink, bool color) {
  switch (ink) {
    case Ink::dim:
    case Ink::not_seen: return A_DIM;
    case Ink::strong: return A_BOLD;
    case Ink::heading: return A_REVERSE;
    case Ink::sorted: return A_REVERSE | A_BOLD;
    case Ink::selected: return A_REVERSE;
    case Ink::warning:
    case Ink::error: return color ? color_of(ink) : A_BOLD;
    default: return color ? color_of(ink) : A_NORMAL;
  }
}

void start_colors() {
  ::start_color();
  ::use_default_colors();
  constexpr short kTerminals = -1;
  ::init_pair(kYellow, COLOR_YELLOW, kTerminals);
  ::init_pair(kRed, COLOR_RED, kTerminals);
  ::init_pair(kBlue, COLOR_BLUE, kTerminals);
  ::init_pair(kMagenta, COLOR_MAGENTA, kTerminals);
}

bool wants_color() {
  const char* no_color = std::getenv("NO_COLOR");
  return no_color == nullptr || *no_color == '\0';
}

Key::Kind kind_of(wint_t code) {
  switch (code) {
    case KEY_UP: return Key::Kind::up;
    case KEY_DOWN: return Key::Kind::down;
    case KEY_LEFT: return Key::Kind::left;
    case KEY_RIGHT: return Key::Kind::right;
    case KEY_PPAGE: return Key::Kind::page_up;
    case KEY_NPAGE: return Key::Kind::page_down;
    case KEY_HOME: return Key::Kind::home;
    case KEY_END: return Key::Kind::end;
    case KEY_ENTER: return Key::Kind::enter;
    case KEY_BACKSPACE: return Key::Kind::backspace;
    default: return Key::Kind::character;
  }
}

std::optional<Key> key_of(int status, wint_t code) {
  constexpr wint_t kEscape = 27;
  constexpr wint_t kDelete = 127;
  if (status == KEY_CODE_YES) {
    const auto kind = kind_of(code);
    return kind == Key::Kind::character ? std::nullopt : std::optional(Key{.kind = kind});
  }
  if (code == '\n' || code == '\r') return Key{.kind = Key::Kind::enter};
  if (code == '\b' || code == kDelete) return Key{.kind = Key::Kind::backspace};
  if (code == kEscape) return Key{.kind = Key::Kind::escape};
  if (code < ' ') return std::nullopt;
  return Key{.kind = Key::Kind::character, .character = static_cast<char32_t>(code)};
}

// Characters of one column are written together. After any other character the cursor is positioned again, because
// curses and the terminal may disagree on its width.
void draw_row(const output::Grid& grid, std::size_t row, bool color) {
  const auto simple = [&](std::size_t column) {
    const auto& text = grid.at(row, column).text;
    const bool wide = column + 1 < grid.columns() && grid.at(row, column + 1).text.empty();
    return !text.empty() && !wide && text.size() <= 3;
  };
  for (std::size_t column = 0; column < grid.columns();) {
    const auto ink = grid.at(row, column).ink;
    std::string run = grid.at(row, column).text;
    auto end = column + 1;
    if (simple(column)) {
      while (end < grid.columns() && grid.at(row, end).ink == ink && simple(end)) run += grid.at(row, end++).text;
    }
    ::attrset(static_cast<int>(attributes_of(ink, color)));
    if (!run.empty()) ::mvaddstr(static_cast<int>(row), static_cast<int>(column), run.c_str());
    column = end;
  }
}

bool same_row(const output::Grid& a, const output::Grid& b, std::size_t row) {
  for (std::size_t column = 0; column < a.columns(); ++column) {
    if (a.at(row, column) != b.at(row, column)) return false;
  }
  return true;
}

}  // namespace

bool shows_utf8() {
  std::setlocale(LC_CTYPE, "");
  return std::string_view(::nl_langinfo(CODESET)) == "UTF-8";
}

Result<std::unique_ptr<Terminal>> Terminal::open() {
  const char* type = std::getenv("TERM");
  const std::string what = "show the screen on a terminal of type " + std::string(type != nullptr ? type : "(none)");
  int known = 0;
  if (type == nullptr || ::setupterm(type, STDOUT_FILENO, &known) != OK)
    return fail(what, "it is unknown on this machine", "set TERM, or use --once");
  const char* move = ::tigetstr("cup");
  if (move == nullptr) return fail(what, "it cannot move its cursor", "use --once");
  if (::tcgetattr(STDOUT_FILENO, &restore.modes) != 0) return fail_errno(what, errno);
  const bool utf8 = shows_utf8();
  ::set_escdelay(25);
  if (::newterm(type, stdout, stdin) == nullptr) return fail(what, "it cannot be set up", "use --once");
  std::unique_ptr<Terminal> terminal(new Terminal(wants_color() && ::has_colors()));
  terminal->look_.utf8 = utf8;
  return terminal;
}

Terminal::Terminal(bool color) : color_(color) {
  restore.length = 0;
  for (const char* name : {"sgr0", "rmkx", "cnorm", "rmcup"}) keep_capability(name);
  restore.armed = 1;
  for (const int fault : kFaults) handle(fault);
  ::cbreak();
  ::noecho();
  ::nonl();
  ::curs_set(0);
  ::keypad(::stdscr, TRUE);
  ::nodelay(::stdscr, TRUE);
  if (color_) start_colors();
  take_size();
}

Terminal::~Terminal() {
  ::endwin();
  restore.armed = 0;
  for (const int fault : kFaults) std::signal(fault, SIG_DFL);
}

void Terminal::take_size() {
  look_.columns = static_cast<std::size_t>(std::max(1, ::getmaxx(::stdscr)));
  look_.rows = static_cast<std::size_t>(std::max(1, ::getmaxy(::stdscr)));
}

void Terminal::draw(const output::Grid& grid) {
  const bool same_size = !shown_.empty() && shown_.front().columns() == grid.columns() &&
                         shown_.front().rows() == grid.rows();
  if (!same_size) ::erase();
  for (std::size_t row = 0; row < grid.rows(); ++row) {
    if (!same_size || !same_row(grid, shown_.front(), row)) draw_row(grid, row, color_);
  }
  ::refresh();
  shown_.clear();
  shown_.push_back(grid);
}

bool Terminal::read_keys(std::vector<Key>& keys) {
  constexpr int kMostAtOnce = 256;
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  if (::poll(&input, 1, 0) <= 0) return true;
  if ((input.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) return false;
  for (int i = 0; i < kMostAtOnce; ++i) {
    wint_t code = 0;
    const int status = ::get_wch(&code);
    if (status == ERR) break;
    if (const auto key = key_of(status, code)) keys.push_back(*key);
  }
  return true;
}

void Terminal::resize() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row != 0 && size.ws_col != 0)
    ::resizeterm(size.ws_row, size.ws_col);
  take_size();
  shown_.clear();
  ::clearok(::curscr, TRUE);
}

void Terminal::suspend() {
  ::endwin();
  restore.armed = 0;
  ::raise(SIGSTOP);
  restore.armed = 1;
  resize();
}

void Terminal::let_signals_end() {
  sigset_t these;
  ::sigemptyset(&these);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    handle(number);
    ::sigaddset(&these, number);
  }
  ::sigprocmask(SIG_UNBLOCK, &these, nullptr);
}

}  // namespace aiotrace::app
