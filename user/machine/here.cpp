// The only #if of user space: which machine this program is built for.
#include <unistd.h>

#include <algorithm>

#include "machine/machine.h"
#include "syscalls.gen.h"

#if defined(__x86_64__)
#include "machine/x86_64.h"

namespace aiotrace::machine {
namespace {

const Machine& built_for() { return x86_64(); }

// Traps on pushes are emulated, traps on moves are single-stepped. These are not C++ functions, because the compiler
// would put an endbr64 before each of them (-fcf-protection), which is single-stepped.
asm(R"(
  .text
aiotrace_bare:
  push %rbx
  pop %rbx
  ret
aiotrace_entry:
  push %rbp
  pop %rbp
  ret
aiotrace_entry_and_return:
  push %rcx
  pop %rcx
  ret
aiotrace_stepped_bare:
  mov %rdi, %rax
  ret
aiotrace_stepped_entry:
  mov %rsi, %rax
  ret
)");

extern "C" {
void aiotrace_bare();
void aiotrace_entry();
void aiotrace_entry_and_return();
void aiotrace_stepped_bare();
void aiotrace_stepped_entry();
}

}  // namespace
}  // namespace aiotrace::machine

#else
#error "aiotrace knows x86-64 only"
#endif

namespace aiotrace::machine {

static_assert(std::ranges::is_sorted(kSystemCalls, {}, &SystemCall::number));

std::size_t RegisterRoles::number(std::string_view name) const {
  return static_cast<std::size_t>(std::ranges::find(names, name) - names.begin());
}

const Machine& here() {
  static const Machine kHere = [] {
    Machine machine = built_for();
    machine.page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    machine.system_calls = kSystemCalls;
    machine.trap_functions = {aiotrace_bare, aiotrace_entry, aiotrace_entry_and_return, aiotrace_stepped_bare,
                              aiotrace_stepped_entry};
    return machine;
  }();
  return kHere;
}

}  // namespace aiotrace::machine
