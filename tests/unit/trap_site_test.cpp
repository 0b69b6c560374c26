#include "probe/trap_site.h"

#include <initializer_list>
#include <vector>

#include "tests/catch.h"

using aiotrace::probe::trap_site;

namespace {

aiotrace::probe::TrapSite site_of(std::initializer_list<int> bytes) {
  std::vector<std::byte> code;
  for (const int byte : bytes) code.push_back(static_cast<std::byte>(byte));
  return trap_site(code);
}

}  // namespace

TEST_CASE("A trap is set where the kernel emulates the instruction, behind what changes nothing of the call",
          "[probe]") {
  CHECK(site_of({0x55, 0x48, 0x89, 0xe5}).at == 0);  // push %rbp
  CHECK_FALSE(site_of({0x55}).stepped);
  CHECK_FALSE(site_of({0x41, 0x56, 0x41, 0x55}).stepped);       // push %r14
  const auto marked = site_of({0xf3, 0x0f, 0x1e, 0xfa, 0x53});  // endbr64, push %rbx
  CHECK(marked.at == 4);
  CHECK_FALSE(marked.stepped);
  const auto tail_call = site_of({0x31, 0xc9, 0x31, 0xd2, 0xe9, 0x87, 0xf8, 0xff, 0xff});  // xor, xor, jmp
  CHECK(tail_call.at == 4);
  CHECK_FALSE(tail_call.stepped);
}

TEST_CASE("A trap stays at a function's beginning where nothing better is known", "[probe]") {
  for (const auto& site : {site_of({}), site_of({0xf3}), site_of({0xf3, 0x0f, 0x1e, 0xfa}),
                           site_of({0x48, 0x83, 0xec, 0x20, 0x55}),  // sub $0x20,%rsp: the stack changes
                           site_of({0x31, 0xff, 0x55}),              // xor %edi,%edi: so does an argument
                           site_of({0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x89, 0xf8})}) {  // endbr64, mov %rdi,%rax
    CHECK(site.at == 0);
    CHECK(site.stepped);
  }
}
