// A directory for one test, FIFOs and growing files in it.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "util/unique_fd.h"

namespace aiotrace::testing {

using Json = nlohmann::json;

/// Removed with everything in it.
class Scratch {
 public:
  Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  /// An empty file, open for writing.
  [[nodiscard]] UniqueFd create(const std::string& name) const;
  /// Returns when `condition`, which is checked after each change in the directory, is true, or the process has ended;
  /// false if the condition is not true then. Fails the test after kPatienceMs.
  [[nodiscard]] bool wait_until(const Process& process, const std::function<bool()>& condition) const;

 private:
  std::string path_;
  UniqueFd watch_;
};

/// Open for reading and writing, so that neither side waits for the other to open it.
class Fifo {
 public:
  explicit Fifo(const std::string& path);
  /// The next line without its end; empty if the process that is to write it has ended.
  [[nodiscard]] std::string line(const Process& writer);
  void send(char byte = 'x') const;
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

/// A file's content; empty if there is none.
[[nodiscard]] std::string slurp(const std::string& path);
[[nodiscard]] std::vector<std::string> lines_of(const std::string& text);
/// The JSON of the complete lines.
[[nodiscard]] std::vector<Json> ndjson(const std::string& text);

}  // namespace aiotrace::testing
