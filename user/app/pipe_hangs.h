// Children that wait for this process to read a pipe while it waits for their end.
#pragma once

#include "proc/process.h"
#include "python/asyncio_reader.h"
#include "python/hang_look.h"

namespace aiotrace::app {

/// Adds a resource of kind pipe for each child that a party of `look` waits for, if the child, or one that it waits for
/// itself, sleeps in a write to a pipe that nobody reads: its read end is open in `process` only, in no epoll set
/// there, and no thread reads, polls or selects. The resource's object is the same in two looks if the writer has not
/// run between them. It is `inferred` unless the waiter is the program's only thread; and left out if the frames of
/// another party lead to the pipe's reader.
void add_pipes(const proc::Process& process, python::AsyncioReader& reader, python::HangLook& look);

}  // namespace aiotrace::app
