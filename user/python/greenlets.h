// Greenlets of a process: where BPF and the stack reader find the frames of suspended greenlets.
#pragma once

#include <cstdint>
#include <optional>

#include "abi/config.h"
#include "proc/maps.h"
#include "proc/memory.h"
#include "proc/process.h"
#include "python/layout.h"

namespace aiotrace::python {

/// Nothing if the extension module greenlet is not loaded. Without `tls_module` and `current`, this version stores the
/// current greenlet in an unknown place: stacks of greenlets then end at their first frame, marked as unreadable there.
[[nodiscard]] std::optional<greenlet_layout> find_greenlets(const proc::Process& process, const proc::Maps& maps,
                                                            const proc::Memory& memory, const Layout& layout,
                                                            std::uint32_t version_hex);

/// A part of a C stack that was copied to the heap.
struct Spill {
  std::uint64_t start = 0;
  std::uint64_t bytes = 0;
  std::uint64_t copy = 0;

  /// Where to read the data of a stack address.
  [[nodiscard]] std::uint64_t readable(std::uint64_t address) const {
    return address - start < bytes ? address - start + copy : address;
  }
};

/// Walks from the current greenlet of a thread to the parents that wait for it.
class GreenletParents {
 public:
  GreenletParents(const greenlet_layout& layout, const proc::Memory& memory) : layout_(layout), memory_(memory) {}

  /// The current greenlet of a thread; 0: the thread's first greenlet, no greenlet, or not found.
  [[nodiscard]] std::uint64_t current(std::uint64_t thread_id) const;
  /// 0: none.
  [[nodiscard]] std::uint64_t parent(std::uint64_t greenlet) const;
  /// Innermost frame of a suspended greenlet; 0: it is no greenlet, or is not suspended.
  [[nodiscard]] std::uint64_t frame(std::uint64_t greenlet) const;
  [[nodiscard]] Spill spill(std::uint64_t greenlet) const;

 private:
  [[nodiscard]] std::uint64_t word(std::uint64_t address) const {
    return memory_.read<std::uint64_t>(address).value_or(0);
  }
  [[nodiscard]] std::uint64_t implementation(std::uint64_t greenlet) const;
  /// The address of a field that follows `_self` in versions that have `_self`.
  [[nodiscard]] std::uint64_t field(std::uint64_t greenlet, std::uint32_t offset) const;

  const greenlet_layout& layout_;
  const proc::Memory& memory_;
};

}  // namespace aiotrace::python
