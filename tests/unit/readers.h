// Files of aiotrace in the hands of readers that are not ours.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/catch.h"

namespace aiotrace::samples {

// A file that is removed with it.
class TemporaryFile {
 public:
  TemporaryFile(const std::string& name, const std::string& content)
      : path_(std::filesystem::temp_directory_path() / (std::to_string(::getpid()) + "-" + name)) {
    std::ofstream(path_, std::ios::binary) << content;
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { std::filesystem::remove(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Ran {
  int status = -1;
  std::string out;
};

inline Ran run_command(const std::string& command) {
  Ran ran;
  auto* pipe = ::popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> part{};
  for (std::size_t n = 0; (n = std::fread(part.data(), 1, part.size(), pipe)) > 0;) ran.out.append(part.data(), n);
  const int status = ::pclose(pipe);
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

inline std::string reader(const std::string& name) {
  return "python3 " + (std::filesystem::path(__FILE__).parent_path().parent_path() / "readers" / name).string() + " ";
}

/// The output of tests/readers/check_perfetto.py for a trace; skips if Perfetto's schema is not available.
inline nlohmann::json read_trace(const std::string& bytes) {
  const char* store = std::getenv("AIOTRACE_VENVS");
  const auto python = std::filesystem::absolute(store != nullptr ? store : ".cache/venvs") / "readers/bin/python";
  if (!std::filesystem::exists(python)) AIOTRACE_SKIP("no " + python.string() + ": tools/get_venvs.sh makes it");
  const TemporaryFile file("run.perfetto-trace", bytes);
  const auto script = std::filesystem::path(__FILE__).parent_path().parent_path() / "readers/check_perfetto.py";
  const auto ran = run_command(python.string() + " " + script.string() + " " + file.path());
  INFO(ran.out);
  REQUIRE(ran.status == 0);
  return nlohmann::json::parse(ran.out);
}

inline void need_tool(const std::string& tool) {
  if (run_command("command -v " + tool).status != 0) AIOTRACE_SKIP("no " + tool + " on this machine");
}

inline std::string data_of(const std::string& page) {
  const std::string begin = "id=\"data\">";
  const auto at = page.find(begin) + begin.size();
  return page.substr(at, page.find("</script>", at) - at);
}

/// A real browser clicks, types and looks at it. AIOTRACE_SCREENSHOTS is a folder for its pictures, in one of this
/// name.
inline void check_in_browser(const std::string& page, const std::string& name) {
  const TemporaryFile file("page.html", page);
  std::string pictures;
  if (const auto* folder = std::getenv("AIOTRACE_SCREENSHOTS"); folder != nullptr) {
    const auto own = std::filesystem::path(folder) / name;
    std::filesystem::create_directories(own);
    pictures = " '" + own.string() + "'";
  }
  const auto ran = run_command(reader("check_page.py") + file.path() + pictures);
  if (ran.status == 77) AIOTRACE_SKIP("no chromium on this machine");
  CHECK(ran.out == "");
  CHECK(ran.status == 0);
}

}  // namespace aiotrace::samples
