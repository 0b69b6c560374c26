#include "probe/trap_meter.h"

#include <bpf/libbpf.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

#include "machine/machine.h"
#include "probe/load_log.h"
#include "probe/perf_events.h"
#include "probe/permissions.h"
#include "util/clock.h"

namespace aiotrace::probe {
namespace {

using Function = machine::TrapFunctions::Function;

// Simulates the work of an interpreter between two steps: it uses so much memory that the kernel's own memory has left
// the fastest caches, and the interpreter's memory has left them after a trap.
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

std::uintptr_t TrapMeter::code() { return address_of(machine::here().trap_functions.bare); }

Result<TrapMeter> TrapMeter::attach(const bpf_program* entry, const bpf_program* back, const std::string& path,
                                    std::uint64_t offset, bool stepped) {
  const auto& functions = machine::here().trap_functions;
  TrapMeter meter;
  meter.stepped_ = stepped;
  const auto place = [&](const bpf_program* program, bool at_return, Function function) -> Status {
    auto link = attach_uprobe(
        program,
        {.pid = getpid(), .path = path, .offset = offset + address_of(function) - code(), .at_return = at_return},
        "measure what a trap costs");
    if (!link) return std::unexpected(link.error());
    meter.links_.push_back(std::move(*link));
    return {};
  };
  if (auto status = place(entry, false, functions.entry); !status) return std::unexpected(status.error());
  if (auto status = place(entry, false, functions.entry_and_return); !status) return std::unexpected(status.error());
  if (auto status = place(back, true, functions.entry_and_return); !status) return std::unexpected(status.error());
  if (!stepped) return meter;
  if (auto status = place(entry, false, functions.stepped_entry); !status) return std::unexpected(status.error());
  return meter;
}

TrapPrice TrapMeter::measure(unsigned calls) const {
  const auto more = [](double with, double without) { return std::max(0.0, with - without); };
  const auto& functions = machine::here().trap_functions;
  TrapPrice price;
  const double entry_ns = cpu_ns_of_call(functions.entry, calls);
  price.entry_ns = more(entry_ns, cpu_ns_of_call(functions.bare, calls));
  price.return_ns = more(cpu_ns_of_call(functions.entry_and_return, calls), entry_ns);
  if (stepped_)
    price.stepped_ns = more(cpu_ns_of_call(functions.stepped_entry, calls),
                            cpu_ns_of_call(functions.stepped_bare, calls));
  return price;
}

}  // namespace aiotrace::probe
