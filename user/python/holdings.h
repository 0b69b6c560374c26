// Which locks the managers of `with` blocks stand for.
#pragma once

#include <cstdint>
#include <vector>

#include "python/resources.h"
#include "python/with_blocks.h"

namespace aiotrace::python {

struct Holdings {
  std::vector<std::uint64_t> held;  ///< locks, semaphores, limiters
  /// One of the blocks ends after a time (asyncio.timeout() and similar), or may do so, because not all were read.
  bool timed = false;
};

/// Follows managers to the objects that they acquire: through @contextmanager's generators, ExitStack, Condition. For
/// one look.
class HoldingReader {
 public:
  /// All must outlive this object.
  HoldingReader(AsyncioReader& reader, ResourceReader& resources)
      : reader_(reader), resources_(resources), blocks_(reader) {}

  /// Adds the managers of one frame.
  void read(const Coroutine& frame, Holdings& into);
  /// The managers themselves.
  [[nodiscard]] std::vector<std::uint64_t> managers(const Coroutine& frame) {
    return blocks_.managers(frame).value_or(std::vector<std::uint64_t>{});
  }

 private:
  void add_frame(const Coroutine& frame, Holdings& into, unsigned depth);
  void add(const std::vector<std::uint64_t>& managers, Holdings& into, unsigned depth);
  /// False: it is no lock.
  bool add_lock(std::uint64_t manager, Holdings& into);
  void follow(std::uint64_t manager, Holdings& into, unsigned depth);
  void add_stack(std::uint64_t exit_stack, Holdings& into, unsigned depth);
  /// Whether one more manager may be read.
  [[nodiscard]] bool look(Holdings& into);
  [[nodiscard]] bool ends_by_time(std::uint64_t manager, const std::string& type);

  AsyncioReader& reader_;
  ResourceReader& resources_;
  WithBlocks blocks_;
  std::size_t looked_ = 0;  // for the present frame
};

}  // namespace aiotrace::python
