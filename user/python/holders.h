// Who holds an object, named as a person would look for it.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "proc/resident.h"
#include "python/asyncio_reader.h"
#include "python/references.h"

namespace aiotrace::python {

struct Holder {
  enum class Kind : std::uint8_t {
    unnamed,    ///< only `container` is known
    variable,   ///< of the module `owner`
    attribute,  ///< of an instance of the class `owner`, or of the class itself
    local,      ///< of the coroutine or generator `owner`
    closure,    ///< of the function `owner`
    object,     ///< one of the type `owner`; how it refers to it is not known
  };
  Kind kind = Kind::unnamed;
  std::string container{};  ///< "list", "dict", "set", "tuple" that it lies in; empty: in none
  std::string name{};       ///< empty: not known
  std::string owner{};
};

/// Objects beyond this many are not looked for.
inline constexpr std::size_t kMaxHeld = 64;

/// For each of `held` one holder, if one is found: the nearest that has a name. Follows references backwards through at
/// most three containers, with one look at all memory for each step: as long as a scan takes, for each of them. The
/// first is spared if `references` has watched for them. References that a thread's running functions have are not
/// seen.
[[nodiscard]] std::unordered_map<std::uint64_t, Holder> find_holders(AsyncioReader& reader, ReferenceScan& references,
                                                                     const proc::ResidentMemory& resident,
                                                                     const std::vector<std::uint64_t>& held);

}  // namespace aiotrace::python
