// A place for files that a test makes.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "tests/catch.h"

namespace aiotrace::testing {

/// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/aiotrace-unit-XXXXXX";
    if (::mkdtemp(name) == nullptr) FAIL("no folder");
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace aiotrace::testing
