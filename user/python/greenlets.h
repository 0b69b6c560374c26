// Greenlets of a process: where BPF and the reader of stacks find the frames of those that are suspended.
#pragma once

#include <cstdint>
#include <optional>

#include "abi/config.h"
#include "proc/maps.h"
#include "proc/memory.h"
#include "proc/process.h"
#include "python/layout.h"

namespace aiotrace::python {

/// Nothing if the extension module greenlet is not loaded. Without `tls_module` and `current` its version keeps the
/// current greenlet in a place that is not known: stacks of greenlets then end at their first frame, marked as
/// unreadable there.
[[nodiscard]] std::optional<greenlet_layout> find_greenlets(const proc::Process& process, const proc::Maps& maps,
                                                            const proc::Memory& memory, const Layout& layout,
                                                            std::uint32_t version_hex);

/// A part of a C stack that was copied to the heap.
struct Spill {
  std::uint64_t start = 0;
  std::uint64_t bytes = 0;
  std::uint64_t copy = 0;

  /// Where an address of the stack can be read.
  [[nodiscard]] std::uint64_t readable(std::uint64_t address) const {
    return address - start < bytes ? address - start + copy : address;
  }
};

/// From the greenlet that a thread runs to the parents that wait for it.
class GreenletParents {
 public:
  GreenletParents(const greenlet_layout& layout, const proc::Memory& memory) : layout_(layout), memory_(memory) {}

  /// The greenlet that a thread runs; 0: its first one, or it has none, or it cannot be found.
  [[nodiscard]] std::uint64_t current(std::uint64_t thread_id) const;
  /// 0: none.
  [[nodiscard]] std::uint64_t parent(std::uint64_t greenlet) const;
  /// Innermost frame of a suspended greenlet; 0: it is none, or is not suspended.
  [[nodiscard]] std::uint64_t frame(std::uint64_t greenlet) const;
  [[nodiscard]] Spill spill(std::uint64_t greenlet) const;

 private:
  [[nodiscard]] std::uint64_t word(std::uint64_t address) const {
    return memory_.read<std::uint64_t>(address).value_or(0);
  }
  [[nodiscard]] std::uint64_t implementation(std::uint64_t greenlet) const;
  /// The address of a field that is behind `_self` where the version has it.
  [[nodiscard]] std::uint64_t field(std::uint64_t greenlet, std::uint32_t offset) const;

  const greenlet_layout& layout_;
  const proc::Memory& memory_;
};

}  // namespace aiotrace::python
