#include "machine/machine.h"

#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

#include "machine/x86_64.h"
#include "proc/syscalls.h"
#include "proc/thread_syscall.h"

#include "tests/catch.h"

using namespace aiotrace;

namespace {

machine::TrapSite site_of(std::initializer_list<int> bytes) {
  std::vector<std::byte> code;
  for (const int byte : bytes) code.push_back(static_cast<std::byte>(byte));
  return machine::x86_64().trap_site(code);
}

}  // namespace

TEST_CASE("A trap is set where the kernel emulates the instruction, behind what changes nothing of the call",
          "[machine]") {
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

TEST_CASE("A trap stays at a function's beginning where nothing better is known", "[machine]") {
  for (const auto& site : {site_of({}), site_of({0xf3}), site_of({0xf3, 0x0f, 0x1e, 0xfa}),
                           site_of({0x48, 0x83, 0xec, 0x20, 0x55}),  // sub $0x20,%rsp: the stack changes
                           site_of({0x31, 0xff, 0x55}),              // xor %edi,%edi: so does an argument
                           site_of({0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x89, 0xf8})}) {  // endbr64, mov %rdi,%rax
    CHECK(site.at == 0);
    CHECK(site.stepped);
  }
}

TEST_CASE("x86-64: each register has its role and its place in a copy", "[machine]") {
  const auto& roles = machine::x86_64().registers;
  CHECK(roles.names[roles.instruction_pointer] == "rip");
  CHECK(roles.names[roles.stack_pointer] == "rsp");
  CHECK(roles.names[roles.frame_pointer] == "rbp");
  CHECK(roles.return_address == roles.instruction_pointer);
  CHECK(roles.number("rax") == 0);
  CHECK(roles.number("r15") == 15);
  CHECK(roles.number("x30") == roles.names.size());
  std::string copied;
  for (const auto number : roles.copied) copied += std::string(roles.names[number]) + " ";
  CHECK(copied == "rip rsp r15 r14 r13 r12 rbp rbx ");
}

TEST_CASE("the machine that this runs on is the kernel's", "[machine]") {
  const auto& here = machine::here();
  utsname name{};
  REQUIRE(uname(&name) == 0);
  CHECK(here.name == name.machine);
  CHECK(here.page_bytes == static_cast<std::uint64_t>(getpagesize()));
  const auto calls = here.system_calls;
  const auto futex = std::ranges::find(calls, "futex", &machine::SystemCall::name);
  REQUIRE(futex != calls.end());
  CHECK(futex->number == SYS_futex);
  for (const auto names : {here.epoll_calls, here.select_calls}) {
    for (const auto each : names) {
      INFO(each);
      CHECK(std::ranges::find(calls, each, &machine::SystemCall::name) != calls.end());
    }
  }
  // As the compiler has the system's.
  CHECK(here.mutex_bytes == sizeof(pthread_mutex_t));
  CHECK(here.condition_bytes == sizeof(pthread_cond_t));
  for (const auto function : {here.trap_functions.bare, here.trap_functions.entry, here.trap_functions.entry_and_return,
                              here.trap_functions.stepped_bare, here.trap_functions.stepped_entry}) {
    const auto* code = reinterpret_cast<const std::byte*>(function);
    const bool stepped = function == here.trap_functions.stepped_bare || function == here.trap_functions.stepped_entry;
    const auto site = here.trap_site(std::span(code, 1));
    CHECK(site.at == 0);
    CHECK(site.stepped == stepped);
  }
}

TEST_CASE("a thread polls with the machine's epoll calls only", "[machine]") {
  for (const auto& call : proc::syscalls()) {
    const bool polls = call.name == "epoll_wait" || call.name == "epoll_pwait" || call.name == "epoll_pwait2";
    INFO(call.name);
    CHECK(proc::polled_epoll({.number = call.number, .arguments = {7}}) ==
          (polls ? std::optional<std::int32_t>(7) : std::nullopt));
  }
  CHECK_FALSE(proc::polled_epoll({.number = -1, .arguments = {7}}));
}
