#include <unistd.h>

#include <fstream>
#include <string>

#include "proc/process.h"
#include "symbolize/perf_map.h"
#include "tests/catch.h"

using aiotrace::symbolize::PerfMap;
using aiotrace::symbolize::PerfMapText;

TEST_CASE("perf map: lines, damaged lines, half a line", "[symbolize]") {
  PerfMapText map;
  const std::string text =
      "1000 20 LazyCompile:*fib /app/a b.js:1\n0x2000 0x10 py::f:/app/x.py\nnonsense\n3000 0 empty\n"
      "ffffffffffffffff 2 wraps\n4000 10\n5000 10 half";
  CHECK(map.add(text) == text.size() - std::string("5000 10 half").size());
  CHECK(map.size() == 2);
  REQUIRE(map.find(0x101f));
  CHECK(map.find(0x101f)->name == "LazyCompile:*fib /app/a b.js:1");
  CHECK(map.find(0x101f)->start == 0x1000);
  CHECK(!map.find(0x1020));
  CHECK(!map.find(0xfff));
  REQUIRE(map.find(0x2000));
  CHECK(map.find(0x2000)->name == "py::f:/app/x.py");
}

TEST_CASE("perf map: a later line takes the place of those it overlaps", "[symbolize]") {
  PerfMapText map;
  map.add("1000 100 a\n1100 100 b\n1200 100 c\n");
  map.add("1080 100 new\n");
  CHECK(map.size() == 2);
  CHECK(!map.find(0x1010));
  CHECK(map.find(0x1080)->name == "new");
  CHECK(map.find(0x117f)->name == "new");
  CHECK(!map.find(0x1180));
  CHECK(map.find(0x1200)->name == "c");
}

TEST_CASE("perf map: a name is bounded as it is kept, cut between characters", "[symbolize]") {
  PerfMapText map;
  map.add("1000 10 x" + std::string(2 * PerfMapText::kMaxName, '\xff') + "\n");
  REQUIRE(map.find(0x1000));
  const auto name = map.find(0x1000)->name;
  CHECK(name.size() <= PerfMapText::kMaxName);
  CHECK(name.size() > PerfMapText::kMaxName - 3);
  CHECK(name.ends_with("\xef\xbf\xbd"));
}

TEST_CASE("perf map: bounded", "[symbolize]") {
  PerfMapText map;
  std::string text;
  for (std::size_t i = 0; i < PerfMapText::kMaxEntries + 100; ++i) text += std::to_string(i * 2) + "00 1 x\n";
  map.add(text);
  CHECK(map.size() == PerfMapText::kMaxEntries);
  PerfMapText other;
  other.add("1000 10 " + std::string(5000, 'n') + "\n");
  CHECK(other.find(0x1000)->name.size() == PerfMapText::kMaxName);
}

TEST_CASE("perf map: the file of a process, as it grows and is made anew", "[symbolize]") {
  const auto process = aiotrace::proc::Process::open(::getpid());
  REQUIRE(process);
  const std::string path = "/tmp/perf-" + std::to_string(::getpid()) + ".map";
  struct Remover {
    std::string path;
    ~Remover() { ::unlink(path.c_str()); }
  } remover{path};
  ::unlink(path.c_str());
  PerfMap map;
  CHECK(!map.find(*process, 0x1000));
  std::ofstream(path) << "1000 10 first\n2000 10 sec";
  REQUIRE(map.find(*process, 0x1004));
  CHECK(map.find(*process, 0x1004)->name == "first");
  CHECK(!map.find(*process, 0x2000));
  std::ofstream(path, std::ios::app) << "ond\n";
  REQUIRE(map.find(*process, 0x2000));
  CHECK(map.find(*process, 0x2000)->name == "second");
  ::unlink(path.c_str());
  std::ofstream(path) << "3000 10 third\n";
  CHECK(map.find(*process, 0x3000));
  CHECK(!map.find(*process, 0x1004));

  // Any user who can write to /tmp can put a link there.
  ::unlink(path.c_str());
  const std::string other = path + ".other";
  std::ofstream(other) << "4000 10 linked\n";
  REQUIRE(::symlink(other.c_str(), path.c_str()) == 0);
  PerfMap fresh;
  CHECK(!fresh.find(*process, 0x4000));
  ::unlink(other.c_str());

  if (::geteuid() == 0) {
    ::unlink(path.c_str());
    std::ofstream(path) << "5000 10 foreign\n";
    REQUIRE(::chown(path.c_str(), 65534, 65534) == 0);
    PerfMap foreign;
    CHECK(!foreign.find(*process, 0x5000));
    REQUIRE(::chown(path.c_str(), 0, 0) == 0);
    CHECK(foreign.find(*process, 0x5000));
  }
}
