// A program that aiotrace starts and watches from its first instruction on.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "util/result.h"
#include "util/unique_fd.h"

namespace aiotrace::app {

class ChildProgram {
 public:
  enum class Rights : unsigned char {
    of_caller,  ///< under sudo, the rights of the user who typed the command
    own,        ///< aiotrace's own rights
  };

  /// A child that waits for release(): its pid can be traced before it calls exec. It inherits only the descriptors
  /// that aiotrace was started with.
  [[nodiscard]] static Result<ChildProgram> start(const std::vector<std::string>& arguments, Rights rights);

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Lets the child call exec. Returns exec's error, for example if the program does not exist.
  Status release();
  /// Waits for its end. Returns its exit status as a shell reports it: 128 + signal if a signal ended it.
  [[nodiscard]] int wait();

 private:
  pid_t pid_ = -1;
  UniqueFd go_;      // a byte written here means: call exec now
  UniqueFd failed_;  // the child's errno, or end of file if exec succeeded
  std::string name_;
};

}  // namespace aiotrace::app
