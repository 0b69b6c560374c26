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
    of_caller,  ///< behind sudo those of who typed it
    own,        ///< those of aiotrace
  };

  /// A child that waits for release(): its pid can be traced before it calls exec. It gets the descriptors that
  /// aiotrace was started with, and no others.
  [[nodiscard]] static Result<ChildProgram> start(const std::vector<std::string>& arguments, Rights rights);

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Lets it call exec. The error is that of exec: a program that is not there.
  Status release();
  /// Waits for its end. Its exit status as a shell gives it: 128 + signal if one ended it.
  [[nodiscard]] int wait();

 private:
  pid_t pid_ = -1;
  UniqueFd go_;      // written to: exec now
  UniqueFd failed_;  // the child's errno, or end of file when exec succeeded
  std::string name_;
};

}  // namespace aiotrace::app
