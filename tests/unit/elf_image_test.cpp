#include "proc/elf_image.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>

#include "tests/catch.h"
#include "util/unique_fd.h"

using aiotrace::UniqueFd;
using aiotrace::proc::ElfImage;
using aiotrace::proc::Maps;

extern "C" [[gnu::noinline]] int aiotrace_test_marker(int x) {
  asm volatile("" : "+r"(x));
  return x + 1;
}

TEST_CASE("elf: symbols of this program lie where they are", "[elf]") {
  const auto maps = Maps::read(::getpid());
  REQUIRE(maps);
  const auto marker = reinterpret_cast<std::uint64_t>(&aiotrace_test_marker);
  const auto* mapping = maps->find(marker);
  REQUIRE(mapping != nullptr);
  const auto image = ElfImage::open(::getpid(), *mapping);
  REQUIRE(image);
  CHECK(image->path() == mapping->path);
  const auto bias = image->bias(*maps, *mapping);
  REQUIRE(bias);

  constexpr std::array<std::string_view, 3> kNames = {"no_such_symbol", "aiotrace_test_marker", "main"};
  const auto symbols = image->symbols(kNames);
  CHECK(!symbols[0]);
  REQUIRE(symbols[1]);
  CHECK(symbols[1]->address + *bias == marker);
  CHECK(symbols[1]->size > 0);
  CHECK(symbols[2]);

  // The bytes at the file offset are the function's own.
  const auto offset = image->file_offset(symbols[1]->address);
  REQUIRE(offset);
  const auto bytes = image->file_bytes(*offset, symbols[1]->size);
  REQUIRE(bytes.size() == symbols[1]->size);
  CHECK(std::memcmp(bytes.data(), reinterpret_cast<const void*>(marker), bytes.size()) == 0);
  CHECK(!image->file_offset(UINT64_MAX - 8));

  const auto text = image->section(".text");
  REQUIRE(text);
  CHECK(text->address <= symbols[1]->address);
  CHECK(symbols[1]->address < text->address + text->size);
  CHECK(text->in_file);
  REQUIRE(image->section(".bss"));
  CHECK(!image->section(".bss")->in_file);
  CHECK(!image->section(".no_such"));
  CHECK(image->soname().empty());
}

TEST_CASE("elf: a segment that lies behind the file's end gives no offset", "[elf]") {
  // The header and the segment table of this program, without the contents of the segments.
  std::string bytes(4096, '\0');
  std::ifstream("/proc/self/exe", std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  const UniqueFd fd(::memfd_create("cut", MFD_CLOEXEC));
  REQUIRE(::write(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  const auto whole = ElfImage::open_file("/proc/self/exe");
  const auto cut = ElfImage::open_file("/proc/self/fd/" + std::to_string(fd.get()));
  REQUIRE(whole);
  REQUIRE(cut);
  const auto marker = whole->symbol("aiotrace_test_marker");
  REQUIRE(marker);
  CHECK(whole->file_offset(marker->address));
  CHECK(!cut->file_offset(marker->address));
  CHECK(cut->file_offset(64));
}

TEST_CASE("elf: a library's SONAME, build-id and undefined symbols", "[elf]") {
  const auto maps = Maps::read(::getpid());
  REQUIRE(maps);
  for (const auto& mapping : maps->all()) {
    if (!mapping.executable || !mapping.file_name().starts_with("libelf")) continue;
    const auto image = ElfImage::open(::getpid(), mapping);
    REQUIRE(image);
    CHECK(image->soname() == "libelf.so.1");
    CHECK(image->build_id().size() == 40);
    CHECK(image->symbol("elf_begin"));
    CHECK(!image->symbol("memcpy"));  // used there, defined in libc
    return;
  }
  AIOTRACE_SKIP("libelf is linked statically");
}

TEST_CASE("elf: only regular ELF files are opened", "[elf]") {
  char folder[] = "/tmp/aiotrace-elf-XXXXXX";
  REQUIRE(::mkdtemp(folder) != nullptr);
  const std::string fifo = std::string(folder) + "/fifo";
  const std::string text = std::string(folder) + "/text";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  std::ofstream(text) << "\x7f"
                         "ELF but no more";
  CHECK(!ElfImage::open_file(fifo));  // a plain open would hang
  CHECK(!ElfImage::open_file("/dev/zero"));
  CHECK(!ElfImage::open_file(folder));
  CHECK(!ElfImage::open_file(text));
  CHECK(!ElfImage::open_file("/no/such/file"));
  aiotrace::proc::Mapping other;
  other.path = "/proc/self/exe";
  other.inode = 1;  // the file there is another one
  CHECK(!ElfImage::open(::getpid(), other));
  ::unlink(fifo.c_str());
  ::unlink(text.c_str());
  ::rmdir(folder);
}
