// The name of an object in the program: a variable of a module, an attribute, or a local variable of a waiting
// function.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "python/asyncio_reader.h"
#include "python/hang_look.h"

namespace aiotrace::python {

/// An object to name, and the frames of those that wait for it or hold it.
struct Nameless {
  std::uint64_t object = 0;
  std::vector<LookFrame> frames;
};

/// "app.CACHE_LOCK" (a module's variable), "Service.lock" (attribute `lock` of the `self` or another variable of one of
/// the frames), "lock" (a variable); nothing if it has no name there. Searches only modules and frames, without a sweep
/// of the memory; bounded.
[[nodiscard]] std::unordered_map<std::uint64_t, std::string> name_resources(AsyncioReader& reader,
                                                                            const std::vector<Nameless>& wanted);

}  // namespace aiotrace::python
