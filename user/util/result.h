// Errors as values.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace aiotrace {

/// The class of a failure: it decides the program's exit status.
enum class ErrorKind {
  failure,        ///< exit status 1
  usage,          ///< exit status 2
  not_permitted,  ///< exit status 3
  unsupported,    ///< exit status 3
};

/// The reason of a failure, in a form for one line on a terminal.
struct Error {
  ErrorKind kind = ErrorKind::failure;
  std::string what;    ///< the attempt and its object: "attach to pid 12"
  std::string reason;  ///< the reason: "no such process"
  std::string hint;    ///< what to do about it; may be empty

  /// "what: reason (hint)" on one line.
  [[nodiscard]] std::string message() const {
    std::string text = what;
    if (!reason.empty()) text += (text.empty() ? "" : ": ") + reason;
    if (!hint.empty()) text += " (" + hint + ")";
    return text;
  }
};

template <class T>
using Result = std::expected<T, Error>;
using Status = std::expected<void, Error>;

/// An error as the return value of a function that returns a Result.
inline std::unexpected<Error> fail(std::string what, std::string reason, std::string hint = {},
                                   ErrorKind kind = ErrorKind::failure) {
  return std::unexpected(Error{kind, std::move(what), std::move(reason), std::move(hint)});
}

/// An error from `errno` (or the absolute value of a negative libbpf result).
std::unexpected<Error> fail_errno(std::string what, int error_number, std::string hint = {},
                                  ErrorKind kind = ErrorKind::failure);

}  // namespace aiotrace
