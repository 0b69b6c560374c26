// The holder of an object, named as a person would search for it.
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
    object,     ///< an object of type `owner`; how it refers to the held object is unknown
  };
  Kind kind = Kind::unnamed;
  std::string container{};  ///< the container of the object: "list", "dict", "set", "tuple"; empty: none
  std::string name{};       ///< empty: not known
  std::string owner{};
};

/// The holders of more objects than this are not searched.
inline constexpr std::size_t kMaxHeld = 64;

/// Finds one holder for each of `held`, if possible: the nearest one that has a name. Follows references backwards
/// through at most three containers, with one sweep over all memory for each step; each step takes as long as a scan.
/// The first sweep is not needed if `references` has watched for the objects. References from frames of running threads
/// are not seen.
[[nodiscard]] std::unordered_map<std::uint64_t, Holder> find_holders(AsyncioReader& reader, ReferenceScan& references,
                                                                     const proc::ResidentMemory& resident,
                                                                     const std::vector<std::uint64_t>& held);

}  // namespace aiotrace::python
