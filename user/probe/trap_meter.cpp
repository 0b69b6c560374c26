#include "probe/trap_meter.h"

#include <bpf/libbpf.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

#include "probe/load_log.h"
#include "probe/permissions.h"
#include "util/clock.h"

namespace aiotrace::probe {
namespace {

// They differ, so that the compiler does not make one of them. The pushes are emulated, the moves single-stepped.
__attribute__((naked, noinline)) void push_bare() { asm("push %rbx\n\tpop %rbx\n\tret"); }
__attribute__((naked, noinline)) void push_entry() { asm("push %rbp\n\tpop %rbp\n\tret"); }
__attribute__((naked, noinline)) void push_return() { asm("push %rcx\n\tpop %rcx\n\tret"); }
__attribute__((naked, noinline)) void move_bare() { asm("mov %rdi, %rax\n\tret"); }
__attribute__((naked, noinline)) void move_entry() { asm("mov %rsi, %rax\n\tret"); }

using Function = void (*)();

// What an interpreter does between two steps: it uses so much memory that the kernel's own has left the fastest caches,
// and finds less of its own there after a trap.
void use_memory() {
  constexpr std::size_t kBytes = std::size_t{128} << 10;
  constexpr std::size_t kLine = 64;
  static std::array<volatile std::uint8_t, kBytes> memory;
  for (std::size_t i = 0; i < kBytes; i += kLine) memory[i] = memory[i] + 1;
}

double cpu_ns_of_call(Function function, unsigned calls) {
  use_memory();
  const auto begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  for (unsigned i = 0; i < calls; i++) {
    function();
    use_memory();
  }
  return static_cast<double>(clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin) / calls;
}

std::uintptr_t address_of(Function function) { return reinterpret_cast<std::uintptr_t>(function); }

}  // namespace

std::uintptr_t TrapMeter::code() { return address_of(push_bare); }

Result<TrapMeter> TrapMeter::attach(const bpf_program* entry, const bpf_program* back, const std::string& path,
                                    std::uint64_t offset, bool stepped) {
  TrapMeter meter;
  meter.stepped_ = stepped;
  const auto place = [&](const bpf_program* program, bool at_return, Function function) -> Status {
    forget_warnings();
    Link link(
        bpf_program__attach_uprobe(program, at_return, getpid(), path.c_str(), offset + address_of(function) - code()));
    if (!link) return load_error("measure what a trap costs", errno, last_warning());
    meter.links_.push_back(std::move(link));
    return {};
  };
  if (auto status = place(entry, false, push_entry); !status) return std::unexpected(status.error());
  if (auto status = place(entry, false, push_return); !status) return std::unexpected(status.error());
  if (auto status = place(back, true, push_return); !status) return std::unexpected(status.error());
  if (!stepped) return meter;
  if (auto status = place(entry, false, move_entry); !status) return std::unexpected(status.error());
  return meter;
}

TrapPrice TrapMeter::measure(unsigned calls) const {
  const auto more = [](double with, double without) { return std::max(0.0, with - without); };
  TrapPrice price;
  const double entry_ns = cpu_ns_of_call(push_entry, calls);
  price.entry_ns = more(entry_ns, cpu_ns_of_call(push_bare, calls));
  price.return_ns = more(cpu_ns_of_call(push_return, calls), entry_ns);
  if (stepped_) price.stepped_ns = more(cpu_ns_of_call(move_entry, calls), cpu_ns_of_call(move_bare, calls));
  return price;
}

}  // namespace aiotrace::probe
