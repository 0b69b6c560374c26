// The daemon's configuration as a file that may change.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "fleet/config.h"
#include "util/result.h"

namespace aiotrace::app {

class ConfigFile {
 public:
  explicit ConfigFile(std::string path) : path_(std::move(path)) {}

  /// Reads it whole. All its mistakes, or why it cannot be read: others can write to it, too large.
  [[nodiscard]] std::expected<fleet::Config, std::vector<Error>> read();
  /// True if the path leads to another file than at the last read(), or its content was written since: also where a
  /// link on the way was turned, as Kubernetes does for a ConfigMap. One that is missing is none.
  [[nodiscard]] bool changed() const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  struct State {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    std::int64_t written_ns = 0;
    bool operator==(const State&) const = default;
  };
  static State state_of(const struct stat& status);

  std::string path_;
  State read_{};
};

}  // namespace aiotrace::app
