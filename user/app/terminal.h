// The terminal during a live view: shows grids, reads keys, and is restored at the end.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "output/screen/grid.h"
#include "util/result.h"

namespace aiotrace::app {

/// Whether text may have more than ASCII, by the user's locale (LC_ALL, LC_CTYPE, LANG). Sets the program's LC_CTYPE.
[[nodiscard]] bool shows_utf8();

struct Key {
  enum class Kind : std::uint8_t {
    character,
    up,
    down,
    left,
    right,
    page_up,
    page_down,
    home,
    end,
    enter,
    backspace,
    escape,
  };
  Kind kind = Kind::character;
  char32_t character = 0;  ///< of kind character: no control character
};

/// One object at a time. If the process ends in another way (a fault, abort()), the terminal is restored too.
class Terminal {
 public:
  /// Standard input and output must be the terminal. Uses the terminal's colours, none with NO_COLOR. Errors: TERM is
  /// unknown, or the terminal cannot move its cursor.
  [[nodiscard]] static Result<std::unique_ptr<Terminal>> open();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  /// Restores the terminal.
  ~Terminal();

  [[nodiscard]] const output::Look& look() const { return look_; }
  void draw(const output::Grid& grid);
  /// The keys that were typed since the last call. False: the terminal was closed.
  [[nodiscard]] bool read_keys(std::vector<Key>& keys);
  /// To be called after SIGWINCH: look() returns the new size.
  void resize();
  /// To be called after SIGTSTP: restores the terminal, stops this process, and takes the terminal again when the
  /// process continues.
  void suspend();
  /// From now on the next SIGINT, SIGTERM or SIGHUP ends the process at once, and the terminal is restored.
  static void let_signals_end();

 private:
  explicit Terminal(bool color);
  void take_size();

  bool color_;
  output::Look look_;
  std::vector<output::Grid> shown_;  // the last one, or none
};

}  // namespace aiotrace::app
