// Locks that are locked while nobody has them.
#pragma once

#include <cstdint>
#include <unordered_set>

#include "python/hang_look.h"

namespace aiotrace::python {

/// Makes those resources `closed` without `holds` of which that is known or can be concluded. Known: anyio's Lock names
/// a task that has ended. Concluded, for locks and semaphores of asyncio, and threading's Lock and RLock, where all of
/// this holds:
/// - it is locked (no unit is left), and no frame is in a block that took it;
/// - each function of the program that mentions its name and takes locks gives them back as well: nobody takes it in
///   one function and gives it back in another;
/// - no frame of a task, a thread, or a suspended generator that one of these refers to, mentions it and release(), or
///   refers to it or its owner and mentions release(), but for the frames that wait for it;
/// - no timer of a loop refers to it.
/// Of others those whose frames mention it so become `holds`, at most 8. At most 4 resources a look, those for which
/// most wait. `loops`: whose timers are looked at. To be called once all holders are known.
void find_abandoned(AsyncioReader& reader, ResourceReader& resources, HangLook& look,
                    const std::unordered_set<std::uint64_t>& loops);

}  // namespace aiotrace::python
