#include "tests/support/scratch.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "tests/catch.h"

namespace aiotrace::testing {

Scratch::Scratch() {
  std::string name = "/tmp/aiotrace-test-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) FAIL("make a directory: " << std::strerror(errno));
  path_ = name;
  ::chmod(path_.c_str(), 0755);
  watch_.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch_ || ::inotify_add_watch(watch_.get(), path_.c_str(), IN_MODIFY | IN_CREATE) < 0)
    FAIL("watch " << path_ << ": " << std::strerror(errno));
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

UniqueFd Scratch::create(const std::string& name) const {
  UniqueFd fd(::open(file(name).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!fd) FAIL("create " << file(name) << ": " << std::strerror(errno));
  return fd;
}

bool Scratch::wait_until(const Process& process, const std::function<bool()>& condition) const {
  while (true) {
    char events[4096];
    while (::read(watch_.get(), events, sizeof events) > 0) {
    }
    if (condition()) return true;
    if (process.ended()) return condition();
    pollfd both[] = {{.fd = watch_.get(), .events = POLLIN, .revents = 0},
                     {.fd = process.pidfd(), .events = POLLIN, .revents = 0}};
    if (::poll(both, 2, kPatienceMs) < 1) FAIL("process " << process.pid() << " does not write what is waited for");
  }
}

Fifo::Fifo(const std::string& path) {
  if (::mkfifo(path.c_str(), 0666) != 0) FAIL("make " << path << ": " << std::strerror(errno));
  fd_.reset(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd_) FAIL("open " << path << ": " << std::strerror(errno));
}

std::string Fifo::line(const Process& writer) {
  std::string text;
  while (wait_readable(fd_.get(), writer)) {
    char byte = 0;
    if (::read(fd_.get(), &byte, 1) != 1) break;
    if (byte == '\n') return text;
    text += byte;
  }
  return {};
}

void Fifo::send(char byte) const {
  if (::write(fd_.get(), &byte, 1) != 1) FAIL("write to a FIFO: " << std::strerror(errno));
}

std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

namespace {

// Python's JSON can hold half a character (names.py has one); UTF-8 can only represent it by the replacement character.
std::string without_lone_surrogate(std::string line) {
  const std::string half = "\\udc80";
  for (auto at = line.find(half); at != std::string::npos; at = line.find(half))
    line.replace(at, half.size(), "\\ufffd");
  return line;
}

}  // namespace

std::vector<Json> ndjson(const std::string& text) {
  std::vector<Json> all;
  for (const auto& line : lines_of(text.substr(0, text.rfind('\n') + 1))) {
    auto object = Json::parse(without_lone_surrogate(line), nullptr, false);
    if (object.is_discarded()) FAIL("not JSON: " << line);
    all.push_back(std::move(object));
  }
  return all;
}

}  // namespace aiotrace::testing
