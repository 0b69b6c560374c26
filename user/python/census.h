// Coroutines, asynchronous generators, tasks and futures of a process as one look at its memory finds them.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "proc/memory.h"
#include "proc/resident.h"
#include "proc/sweep.h"
#include "python/asyncio_reader.h"

namespace aiotrace::python {

/// Everything that is there, as it was found.
struct Census {
  std::unordered_map<std::uint64_t, HeapCoroutine> coroutines;
  std::vector<FutureFields> futures;                     ///< tasks among them
  std::unordered_set<std::uint64_t> timed_tasks;         ///< inside an asyncio.timeout() that has a deadline
  std::unordered_set<std::uint64_t> managed_generators;  ///< of a context manager that contextlib made of them
  std::uint64_t bytes = 0;                               ///< of memory looked at
  std::uint64_t swapped_bytes = 0;                       ///< left in swap: what is there was not looked at
  std::uint64_t unseen_bytes = 0;                        ///< could not be read, or over a limit
  std::uint64_t dropped = 0;                             ///< objects over a limit
  [[nodiscard]] std::uint64_t objects() const { return coroutines.size() + futures.size(); }
};

/// Types whose objects a census looks for.
struct HeapTypes {
  std::vector<std::uint64_t> futures;  ///< tasks too, written in C and in Python, and derived from them: at most 64
  std::uint64_t timeout = 0;           ///< asyncio.timeouts.Timeout (3.11+); 0: not there
  std::uint64_t async_generator_manager = 0;  ///< what contextlib.asynccontextmanager makes; 0: not there
  bool foreign_scheduler = false;             ///< trio or curio is loaded: coroutines need not be asyncio's
};
[[nodiscard]] HeapTypes heap_types(const AsyncioReader& reader);

/// One look: a scan of `resident` of `live`, then each hit read through the reader's memory (a cache before it, if
/// wanted). `also` gets each piece of the memory too.
[[nodiscard]] Census take_census(AsyncioReader& reader, const proc::Memory& live, const proc::ResidentMemory& resident,
                                 const HeapTypes& types, const proc::TakePiece& also = {});

}  // namespace aiotrace::python
