#include "symbolize/symbolizer.h"

#include <sys/auxv.h>
#include <unistd.h>
#include <zlib.h>

#include <cstring>
#include <string>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include "child.h"
#include "symbolize/debug_file.h"
#include "symbolize_program.h"
#include "tests/catch.h"

using namespace aiotrace;
using testing::compile;
using testing::Folder;
using testing::need;
using testing::run;

namespace aiotrace::testing {
[[gnu::noinline]] int symbolize_marker(int x) {
  asm volatile("" : "+r"(x));
  return x + 1;
}
}  // namespace aiotrace::testing

namespace {

std::uint64_t address_of(auto* function) { return reinterpret_cast<std::uint64_t>(function); }

/// The function's file address in the unstripped program.
std::uint64_t address_in(const std::string& program, std::string_view function) {
  const auto image = proc::ElfImage::open_file(program);
  REQUIRE(image);
  const auto symbol = image->symbol(function);
  REQUIRE(symbol);
  return symbol->address;
}

/// The name that the file has for an address of itself.
std::string name_in(const std::string& program, std::uint64_t address) {
  auto image = proc::ElfImage::open_file(program);
  REQUIRE(image);
  const auto file = symbolize::CodeFile::from_image(std::move(*image), ::getpid());
  REQUIRE(file);
  const auto* name = file->name(address);
  return name == nullptr ? std::string() : name->function;
}

}  // namespace

TEST_CASE("symbolizer: this program, a library, the vdso, what is no code", "[symbolize]") {
  const auto process = proc::Process::open(::getpid());
  const auto maps = proc::Maps::read(::getpid());
  REQUIRE(process);
  REQUIRE(maps);
  symbolize::Symbolizer symbolizer;

  const auto own = symbolizer.find(*process, *maps, address_of(&testing::symbolize_marker) + 3);
  REQUIRE(own);
  CHECK(own->function == "aiotrace::testing::symbolize_marker(int)");
  CHECK(own->offset == 3);
  CHECK(own->library == "unit");

  const auto zlib = symbolizer.find(*process, *maps, address_of(&::crc32_combine));
  REQUIRE(zlib);
  if (zlib->library != "unit") {  // else linked statically
    CHECK(zlib->library == "libz.so.1");
    CHECK(zlib->function == "crc32_combine");
    CHECK(zlib->offset == 0);
  }
  CHECK(symbolizer.find(*process, *maps, address_of(&testing::symbolize_marker) + 3) == own);

  const auto vdso = symbolizer.find(*process, *maps, ::getauxval(AT_SYSINFO_EHDR) + 0x100);
  REQUIRE(vdso);
  CHECK(vdso->library == "[vdso]");
  int on_stack = 0;
  CHECK(!symbolizer.find(*process, *maps, address_of(&on_stack)));
  CHECK(!symbolizer.find(*process, *maps, 16));
  symbolizer.forget(::getpid());
  CHECK(symbolizer.find(*process, *maps, address_of(&testing::symbolize_marker) + 3) == own);
}

TEST_CASE("symbolizer: functions of the vdso", "[symbolize]") {
  const auto process = proc::Process::open(::getpid());
  const auto maps = proc::Maps::read(::getpid());
  REQUIRE(process);
  REQUIRE(maps);
  symbolize::Symbolizer symbolizer;
  const std::uint64_t base = ::getauxval(AT_SYSINFO_EHDR);
  const auto* mapping = maps->find(base);
  REQUIRE(mapping != nullptr);
  bool found = false;
  for (std::uint64_t at = mapping->start; at < mapping->end && !found; at += 16) {
    const auto symbol = symbolizer.find(*process, *maps, at);
    found = symbol && symbol->function.find("clock_gettime") != std::string::npos;
  }
  CHECK(found);
}

TEST_CASE("symbolizer: a stripped program's private functions have no name", "[symbolize]") {
  const Folder folder;
  const auto program = compile(folder, "chain", testing::kChain, "-O2 -g -Wl,--build-id=sha1");
  const auto inner = address_in(program, "inner_call");
  CHECK(name_in(program, inner) == "inner_call");
  CHECK(name_in(program, address_in(program, "middle_call") + 1) == "middle_call");
  need("strip");
  REQUIRE(run("strip -o " + folder / "stripped" + " " + program));
  CHECK(name_in(folder / "stripped", inner).empty());
}

TEST_CASE("symbolizer: separate debug file beside the program, by link", "[symbolize]") {
  const Folder folder;
  need("objcopy");
  for (const std::string flags : {"-O2 -g -Wl,--build-id=sha1", "-O2 -g -Wl,--build-id=none"}) {
    const auto program = compile(folder, "chain", testing::kChain, flags);
    const auto inner = address_in(program, "inner_call");
    const auto debug = folder / ".debug/chain.debug";
    REQUIRE(run("mkdir -p " + folder / ".debug" + " && objcopy --only-keep-debug " + program + " " + debug));
    REQUIRE(run("cd " + folder / ".debug" + " && strip ../chain && objcopy --add-gnu-debuglink=chain.debug ../chain"));
    CHECK(name_in(program, inner) == "inner_call");
    // Another program's debug file does not count: decided by the build-id if there is one, else by the checksum.
    const auto other = compile(folder, "other", "int main(void) { return 2; } int inner_call(void) { return 3; }",
                               flags);
    REQUIRE(run("cp " + other + " " + debug));
    CHECK(name_in(program, inner).empty());
  }
}

TEST_CASE("symbolizer: separate debug file by build-id", "[symbolize]") {
  const Folder folder;
  need("objcopy");
  const auto program = compile(folder, "chain", testing::kChain, "-O2 -g -Wl,--build-id=sha1");
  const auto inner = address_in(program, "inner_call");
  const auto image = proc::ElfImage::open_file(program);
  REQUIRE(image);
  const auto id = image->build_id();
  REQUIRE(id.size() == 40);
  if (::geteuid() != 0) AIOTRACE_SKIP("only root can write to /usr/lib/debug");
  const std::string place = "/usr/lib/debug/.build-id/" + id.substr(0, 2);
  const std::string debug = place + "/" + id.substr(2) + ".debug";
  struct Remover {
    std::string file, folder;
    ~Remover() {
      ::unlink(file.c_str());
      for (auto path : {folder, std::string("/usr/lib/debug/.build-id"), std::string("/usr/lib/debug")}) {
        ::rmdir(path.c_str());  // only what is empty
      }
    }
  } remover{debug, place};
  REQUIRE(run("mkdir -p " + place + " && objcopy --only-keep-debug " + program + " " + debug + " && strip " + program));
  CHECK(name_in(program, inner) == "inner_call");
  const auto stripped = proc::ElfImage::open_file(program);
  REQUIRE(stripped);
  const auto found = symbolize::find_debug_file(*stripped, ::getpid());
  REQUIRE(found);
  CHECK(found->path() == debug);
}

TEST_CASE("symbolizer: symbols compressed inside of the program", "[symbolize]") {
  const Folder folder;
  need("objcopy");
  need("xz");
  const auto program = compile(folder, "chain", testing::kChain, "-O2 -g -Wl,--build-id=sha1");
  const auto inner = address_in(program, "inner_call");
  REQUIRE(run("cd " + folder / "" +
              " && objcopy --only-keep-debug chain mini && strip -g mini && xz -k mini && strip chain" +
              " && objcopy --add-section .gnu_debugdata=mini.xz chain"));
  CHECK(name_in(program, inner) == "inner_call");
  // Cut short: no names, nothing worse.
  REQUIRE(
      run("cd " + folder / "" + " && head -c 100 mini.xz >cut && objcopy --update-section .gnu_debugdata=cut chain"));
  CHECK(name_in(program, inner).empty());
  // Half a gigabyte of nothing in 75 KB.
  REQUIRE(run("cd " + folder / "" + " && head -c 500000000 /dev/zero | xz -0 >bomb && " +
              "objcopy --update-section .gnu_debugdata=bomb chain"));
  const auto image = proc::ElfImage::open_file(program);
  REQUIRE(image);
  CHECK_FALSE(symbolize::mini_debug_info(*image));
}

TEST_CASE("symbolizer: a file cut short or damaged", "[symbolize]") {
#ifdef __SANITIZE_ADDRESS__
  // elfutils 0.188 does not free every copy of a section of a damaged file: dwarf_getcfi_elf, some hundred bytes.
  const __lsan::ScopedDisabler library_leaks;
#endif
  const Folder folder;
  const auto program = compile(folder, "chain", testing::kChain, "-O2 -g");
  const auto inner = address_in(program, "inner_call");
  const auto size = std::filesystem::file_size(program);
  std::string content(size, '\0');
  std::ifstream(program, std::ios::binary).read(content.data(), static_cast<std::streamsize>(size));
  for (std::size_t keep = 64; keep < size; keep += size / 40) {
    std::ofstream(folder / "cut", std::ios::binary) << content.substr(0, keep);
    auto image = proc::ElfImage::open_file(folder / "cut");
    if (!image) continue;
    const auto file = symbolize::CodeFile::from_image(std::move(*image), 0);
    if (!file) continue;
    static_cast<void>(file->name(inner));
    static_cast<void>(file->rules(inner));
  }
  unsigned state = 1;
  for (int round = 0; round < 200; ++round) {
    std::string damaged = content;
    for (int i = 0; i < 40; ++i) {
      state = state * 1664525 + 1013904223;
      damaged[(state >> 8) % (i < 20 ? damaged.size() : 1024)] = static_cast<char>(state >> 3);
    }
    std::memcpy(damaged.data(), content.data(), 16);
    std::ofstream(folder / "cut", std::ios::binary) << damaged;
    auto image = proc::ElfImage::open_file(folder / "cut");
    if (!image) continue;
    const auto file = symbolize::CodeFile::from_image(std::move(*image), 0);
    if (!file) continue;
    static_cast<void>(file->name(inner));
    static_cast<void>(file->rules(inner));
  }
  SUCCEED("still here");
}
