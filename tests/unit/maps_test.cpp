#include "proc/maps.h"

#include <unistd.h>

#include "tests/catch.h"

using aiotrace::proc::Maps;

TEST_CASE("maps: every field of a line", "[maps]") {
  const Maps maps = Maps::parse(
      "00400000-00452000 r-xp 00001000 08:02 173521      /usr/bin/dbus-daemon\n"
      "7f12c0000000-7f12c0021000 rw-p 00000000 00:00 0 \n"
      "7f12d0000000-7f12d0001000 -w-s 00003000 fd:1f 99      /tmp/a b\\012c (deleted)\n"
      "7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]\n"
      "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n");
  REQUIRE(maps.all().size() == 5);
  const auto& exe = maps.all()[0];
  CHECK(exe.start == 0x400000);
  CHECK(exe.end == 0x452000);
  CHECK(exe.offset == 0x1000);
  CHECK((exe.readable && !exe.writable && exe.executable && !exe.shared && !exe.deleted));
  CHECK(exe.dev_major == 8);
  CHECK(exe.dev_minor == 2);
  CHECK(exe.inode == 173521);
  CHECK(exe.path == "/usr/bin/dbus-daemon");
  CHECK(exe.file_name() == "dbus-daemon");
  CHECK(maps.all()[1].path.empty());
  const auto& deleted = maps.all()[2];
  CHECK(deleted.path == "/tmp/a b\nc");
  CHECK(deleted.deleted);
  CHECK(deleted.shared);
  CHECK(!deleted.readable);
  CHECK(deleted.dev_minor == 0x1f);
  CHECK(maps.all()[3].path == "[stack]");
  CHECK(maps.all()[4].end == 0xffffffffff601000);
}

TEST_CASE("maps: find gives the mapping an address lies in and nothing between them", "[maps]") {
  const Maps maps = Maps::parse("1000-2000 r--p 0 0:0 0\n3000-5000 r--p 0 0:0 0\n");
  CHECK(maps.find(0xfff) == nullptr);
  REQUIRE(maps.find(0x1000) != nullptr);
  CHECK(maps.find(0x1fff)->start == 0x1000);
  CHECK(maps.find(0x2000) == nullptr);
  CHECK(maps.find(0x4fff)->start == 0x3000);
  CHECK(maps.find(0x5000) == nullptr);
  CHECK(Maps().find(0) == nullptr);
}

TEST_CASE("maps: what is no mapping is skipped, order and overlap are put right", "[maps]") {
  const Maps maps = Maps::parse(
      "\n-\nxyz\n1000\n1000-\n1000-2000\n1000-2000 r\n2000-1000 r--p 0 0:0 0\n99999999999999999999-1 r--p 0 0:0 0\n"
      "1000-2000 r--p 0 0:0\n8000-9000 rw-p 0 0:0 0\n3000-4000 r--p 0 0:0 7 /x\n3800-5000 r--p 0 0:0 0\n6000-7000 rw-p "
      "0 0:0 ");
  REQUIRE(maps.all().size() == 2);
  CHECK(maps.all()[0].start == 0x3000);
  CHECK(maps.all()[1].start == 0x8000);
}

TEST_CASE("maps: this process's own", "[maps]") {
  const auto maps = Maps::read(::getpid());
  REQUIRE(maps);
  static int in_data = 1;
  const auto* data = maps->find(reinterpret_cast<std::uint64_t>(&in_data));
  REQUIRE(data != nullptr);
  CHECK(data->writable);
  const auto* code = maps->find(reinterpret_cast<std::uint64_t>(&Maps::parse));
  REQUIRE(code != nullptr);
  CHECK(code->executable);
  CHECK(code->inode != 0);
  CHECK(code->same_file(*code));
  const auto none = Maps::read(4'000'000);
  REQUIRE(!none);
  CHECK(none.error().reason == "no such process");
}
