// Unwinding rules that may be given to libdw, and those that may not.
#include "symbolize/cfi_check.h"

#include <span>
#include <string>

#include "proc/elf_image.h"
#include "symbolize/debug_frame.h"
#include "tests/catch.h"

using namespace aiotrace;
using symbolize::FrameSection;
using symbolize::is_harmless;

namespace {

std::string entry(const std::string& content) {
  const auto size = static_cast<std::uint32_t>(content.size());
  return std::string(reinterpret_cast<const char*>(&size), 4) + content;
}

/// "zR" with pointers of four bytes, relative to where they stand, then the instructions.
std::string common(const std::string& instructions) {
  return entry(std::string(4, '\0') + std::string("\1zR\0\1\x78\x10\1\x1b", 9) + instructions);
}

/// Of the common entry at the beginning, for a section that has `before` bytes so far.
std::string function(std::uint32_t before, const std::string& instructions) {
  const std::uint32_t back = before + 4;
  return entry(std::string(reinterpret_cast<const char*>(&back), 4) + std::string(8, 'p') + '\0' + instructions);
}

bool check(const std::string& section) {
  return is_harmless(std::as_bytes(std::span(section.data(), section.size())), FrameSection::eh_frame);
}

}  // namespace

TEST_CASE("cfi: registers that exist are harmless, others are not", "[symbolize][budget]") {
  const auto head = common("\x0c\x07\x08");  // def_cfa rsp, 8
  const auto size = static_cast<std::uint32_t>(head.size());
  CHECK(check(head));
  CHECK(check(head + function(size, "\x05\x10\x01")));                        // offset_extended rip
  CHECK(check(head + function(size, "\x05\x80\x08\x01")));                    // 1,024
  CHECK_FALSE(check(head + function(size, "\x05\x81\x08\x01")));              // 1,025
  CHECK_FALSE(check(head + function(size, "\x05\xff\xff\xff\x7f\x01")));      // 268 million
  CHECK_FALSE(check(head + function(size, "\x16\xff\xff\xff\x7f\x01\x30")));  // val_expression
  CHECK_FALSE(check(common("\x07\xff\xff\xff\x7f")));                         // undefined, in the common entry
  CHECK_FALSE(check(head + function(size, "\x3e")));                          // no such instruction
  CHECK_FALSE(check(head + function(size, "\x0f\x7f")));                      // an expression that is not there
  CHECK_FALSE(check(head + function(size + 4, "\x05\x10\x01")));              // of no common entry
}

TEST_CASE("cfi: sections end at an empty entry or with the bytes", "[symbolize][budget]") {
  const auto head = common("\x0c\x07\x08");
  CHECK(check(""));
  CHECK(check(head + std::string(4, '\0') + "anything"));
  CHECK_FALSE(check(head + "any"));
  CHECK_FALSE(check(head.substr(0, head.size() - 1)));
}

TEST_CASE("cfi: what compilers write is harmless", "[symbolize][budget]") {
  const auto image = proc::ElfImage::open_file("/proc/self/exe");
  REQUIRE(image);
  CHECK_FALSE(symbolize::eh_frame_only(*image).bytes.empty());
  for (const std::string path : {"/lib/x86_64-linux-gnu/libc.so.6", "/lib/x86_64-linux-gnu/libm.so.6"}) {
    const auto library = proc::ElfImage::open_file(path);
    if (library) CHECK_FALSE(symbolize::eh_frame_only(*library).bytes.empty());
  }
}
