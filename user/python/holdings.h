// Which locks the managers of `with` blocks stand for.
#pragma once

#include <cstdint>
#include <vector>

#include "python/resources.h"
#include "python/with_blocks.h"

namespace aiotrace::python {

struct Holdings {
  std::vector<std::uint64_t> held;  ///< locks, semaphores, limiters
  bool timed = false;               ///< one of the blocks ends after a time: asyncio.timeout() and the like
};

/// Follows managers to what they take: through @contextmanager's generators, ExitStack, Condition. Of one look.
class HoldingReader {
 public:
  /// All must outlive this object.
  HoldingReader(AsyncioReader& reader, ResourceReader& resources)
      : reader_(reader), resources_(resources), blocks_(reader) {}

  /// Adds those of one frame.
  void read(const Coroutine& frame, Holdings& into) { add_frame(frame, into, 0); }
  /// The managers themselves.
  [[nodiscard]] std::vector<std::uint64_t> managers(const Coroutine& frame) { return blocks_.managers(frame); }

 private:
  void add_frame(const Coroutine& frame, Holdings& into, unsigned depth);
  void add_manager(std::uint64_t manager, Holdings& into, unsigned depth);
  void add_stack(std::uint64_t exit_stack, Holdings& into, unsigned depth);
  [[nodiscard]] bool ends_by_time(std::uint64_t manager, const std::string& type);

  AsyncioReader& reader_;
  ResourceReader& resources_;
  WithBlocks blocks_;
};

}  // namespace aiotrace::python
