// Coroutines, asynchronous generators, tasks and futures of a process as one scan of its memory finds them.
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

/// All objects, as they were found.
struct Census {
  std::unordered_map<std::uint64_t, HeapCoroutine> coroutines;
  std::vector<FutureFields> futures;                     ///< tasks among them
  std::unordered_set<std::uint64_t> timed_tasks;         ///< tasks inside an asyncio.timeout() that has a deadline
  std::unordered_set<std::uint64_t> managed_generators;  ///< generators of context managers made by contextlib
  std::uint64_t bytes = 0;                               ///< bytes of memory that were scanned
  std::uint64_t swapped_bytes = 0;                       ///< bytes in swap, which are not scanned
  std::uint64_t unseen_bytes = 0;                        ///< bytes that could not be read, or are over a limit
  std::uint64_t dropped = 0;                             ///< objects over a limit
  [[nodiscard]] std::uint64_t objects() const { return coroutines.size() + futures.size(); }
};

/// Types whose objects a census searches.
struct HeapTypes {
  std::vector<std::uint64_t> futures;  ///< includes tasks, written in C and in Python, and derived classes: at most 64
  std::uint64_t timeout = 0;           ///< asyncio.timeouts.Timeout (3.11+); 0: not found
  std::uint64_t async_generator_manager = 0;  ///< the class of objects of contextlib.asynccontextmanager; 0: not found
  bool foreign_scheduler = false;             ///< trio or curio is loaded: so coroutines may not be asyncio's
};
[[nodiscard]] HeapTypes heap_types(const AsyncioReader& reader);

/// One scan: a sweep over `resident` of `live`; then each hit is read through the reader's memory (with a cache in
/// front of it, if wanted). `also` gets each piece of the memory too.
[[nodiscard]] Census take_census(AsyncioReader& reader, const proc::Memory& live, const proc::ResidentMemory& resident,
                                 const HeapTypes& types, const proc::TakePiece& also = {});

}  // namespace aiotrace::python
