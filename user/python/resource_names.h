// What a program calls an object: a variable of a module, an attribute, a local variable of who waits for it.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "python/asyncio_reader.h"
#include "python/hang_look.h"

namespace aiotrace::python {

/// An object to name, and frames of those who wait for it or have it.
struct Nameless {
  std::uint64_t object = 0;
  std::vector<LookFrame> frames;
};

/// "app.CACHE_LOCK" (a module's variable), "Service.lock" (attribute `lock` of the `self` or another variable of one of
/// the frames), "lock" (a variable); nothing for what has no name there. Without a sweep of the memory: modules and
/// frames only, bounded.
[[nodiscard]] std::unordered_map<std::uint64_t, std::string> name_resources(AsyncioReader& reader,
                                                                            const std::vector<Nameless>& wanted);

}  // namespace aiotrace::python
