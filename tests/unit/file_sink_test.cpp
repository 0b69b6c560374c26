#include "output/file_sink.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/catch.h"

using aiotrace::UniqueFd;
using aiotrace::output::FileSink;

namespace {

struct TemporaryFile {
  TemporaryFile() { UniqueFd(::mkstemp(path.data())); }
  ~TemporaryFile() { ::unlink(path.c_str()); }
  [[nodiscard]] std::string text() const {
    std::stringstream all;
    all << std::ifstream(path).rdbuf();
    return all.str();
  }
  std::string path = "/tmp/aiotrace-sink-XXXXXX";
};

}  // namespace

TEST_CASE("lines are in the file at once, what was there is gone", "[output]") {
  TemporaryFile file;
  std::ofstream(file.path) << "what was there before\n";
  auto sink = FileSink::open(file.path);
  REQUIRE(sink.has_value());
  CHECK_FALSE((*sink)->is_terminal());
  REQUIRE((*sink)->write_line("one").has_value());
  CHECK(file.text() == "one\n");
  REQUIRE((*sink)->write_line("").has_value());
  CHECK(file.text() == "one\n\n");
  CHECK((*sink)->last_errno() == 0);
}

TEST_CASE("a file that cannot be opened is named in the error", "[output]") {
  const auto sink = FileSink::open("/nonexistent/stalls.json");
  REQUIRE_FALSE(sink.has_value());
  CHECK(sink.error().message() == "open /nonexistent/stalls.json for writing: No such file or directory");
}

TEST_CASE("a full disk is an error of each line", "[output]") {
  auto sink = FileSink::open("/dev/full");
  REQUIRE(sink.has_value());
  const auto status = (*sink)->write_line("one");
  REQUIRE_FALSE(status.has_value());
  CHECK(status.error().message() == "write to /dev/full: No space left on device");
  CHECK((*sink)->last_errno() == ENOSPC);
}

TEST_CASE("a line that finds room for a part only leaves none of it", "[output]") {
  TemporaryFile file;
  auto sink = FileSink::open(file.path);
  REQUIRE(sink.has_value());
  // The limit on file sizes stands for a disk that fills up; without a handler SIGXFSZ would end the test.
  const auto before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
  const rlimit small{.rlim_cur = 20, .rlim_max = old.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const auto first = (*sink)->write_line("twelve chars");
  const auto second = (*sink)->write_line("twelve chars");
  const auto third = (*sink)->write_line("short");
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, before);
  CHECK(first.has_value());
  CHECK_FALSE(second.has_value());
  CHECK((*sink)->last_errno() == EFBIG);
  CHECK(third.has_value());
  CHECK(file.text() == "twelve chars\nshort\n");
}

TEST_CASE("a reader that is gone is EPIPE", "[output]") {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  ::close(ends[0]);
  FileSink sink(UniqueFd(ends[1]), "the pipe");
  const auto status = sink.write_line("one");
  std::signal(SIGPIPE, before);
  REQUIRE_FALSE(status.has_value());
  CHECK(sink.last_errno() == EPIPE);
  CHECK(status.error().message() == "write to the pipe: Broken pipe");
}

TEST_CASE("a non-blocking pipe that is full is waited for", "[output]") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0);
  FileSink sink(UniqueFd(ends[1]), "the pipe");
  const std::string line(300'000, 'x');  // more than a pipe holds
  std::size_t received = 0;
  std::thread reader([&received, fd = ends[0]] {
    ::fcntl(fd, F_SETFL, 0);
    std::array<char, 4096> buffer{};
    while (received < 300'001) {
      const auto n = ::read(fd, buffer.data(), buffer.size());
      if (n <= 0) break;
      received += static_cast<std::size_t>(n);
    }
  });
  CHECK(sink.write_line(line).has_value());
  reader.join();
  ::close(ends[0]);
  CHECK(received == 300'001);
}
