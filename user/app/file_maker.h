// Creates recordings while aiotrace itself can no longer open a file for writing (probe/confine.h).
#pragma once

#include <sys/types.h>

#include <string>

#include "util/result.h"
#include "util/unique_fd.h"

namespace aiotrace::app {

/// A child process that creates a file in the working directory on request, as the caller (caller.h), and ends with
/// this object. It accepts no names: it creates "aiotrace-20261130-104501.aiorec" itself, and never opens an existing
/// file.
class FileMaker {
 public:
  /// Must be called before the process has threads, a terminal screen or a filter on system calls.
  [[nodiscard]] static Result<FileMaker> start();
  FileMaker(FileMaker&& other) noexcept;
  FileMaker& operator=(FileMaker&&) = delete;
  FileMaker(const FileMaker&) = delete;
  FileMaker& operator=(const FileMaker&) = delete;
  ~FileMaker();

  struct Made {
    UniqueFd file;
    std::string name;
  };
  /// Creates a new file. The error contains its name.
  [[nodiscard]] Result<Made> make() const;

 private:
  FileMaker(UniqueFd socket, pid_t child) : socket_(std::move(socket)), child_(child) {}

  UniqueFd socket_;
  pid_t child_ = -1;
};

}  // namespace aiotrace::app
