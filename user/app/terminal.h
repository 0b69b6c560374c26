// The terminal while a live view has it: shows grids, reads keys, and is given back as it was.
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

/// One at a time. What ends the process otherwise (a fault, abort()) gives the terminal back too.
class Terminal {
 public:
  /// Standard input and output are the terminal. Colours as it has them, none with NO_COLOR. The error: TERM is not
  /// known, or a terminal that cannot move its cursor.
  [[nodiscard]] static Result<std::unique_ptr<Terminal>> open();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  /// Gives it back.
  ~Terminal();

  [[nodiscard]] const output::Look& look() const { return look_; }
  void draw(const output::Grid& grid);
  /// What has been typed since. False: the terminal is gone.
  [[nodiscard]] bool read_keys(std::vector<Key>& keys);
  /// After SIGWINCH: look() is anew.
  void resize();
  /// After SIGTSTP: gives it back, stops this process, and takes it again once that goes on.
  void suspend();
  /// From now on the next SIGINT, SIGTERM or SIGHUP ends the process at once, with the terminal given back.
  static void let_signals_end();

 private:
  explicit Terminal(bool color);
  void take_size();

  bool color_;
  output::Look look_;
  std::vector<output::Grid> shown_;  // the last one, or none
};

}  // namespace aiotrace::app
