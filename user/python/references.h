// The places in a process's memory where chosen objects are referred to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "proc/memory.h"
#include "proc/resident.h"
#include "proc/sweep.h"
#include "python/interpreter.h"
#include "python/objects.h"
#include "python/pointer_sieve.h"

namespace aiotrace::python {

/// A word that is the address of a wanted object.
struct Reference {
  std::uint64_t at = 0;
  std::uint64_t object = 0;
};

/// A list, dict or set whose items are in a separate block.
struct Container {
  std::uint64_t object = 0;
  std::uint64_t start = 0;  ///< start of its items
  std::uint64_t end = 0;    ///< end of its items; for a dict an upper bound
};

/// The types whose objects keep their items in a separate block; 0: not found.
struct ContainerTypes {
  std::uint64_t list = 0;
  std::uint64_t dict = 0;
  std::uint64_t set = 0;
};
/// Finds them by their names in the module builtins.
[[nodiscard]] ContainerTypes container_types(const Interpreter& interpreter, const proc::Memory& memory);

/// Scans all memory for references to objects, and for the containers to which such a reference may belong.
class ReferenceScan {
 public:
  /// References to one object beyond this number are dropped.
  static constexpr std::size_t kMaxReferences = 64;
  /// Containers beyond this number (96 MB) are dropped.
  static constexpr std::size_t kMaxContainers = 4'000'000;

  /// Both must outlive this object.
  ReferenceScan(const proc::Memory& live, const Layout& layout, const ContainerTypes& types)
      : live_(live), layout_(layout), types_(types) {}

  /// Begins a sweep that another function makes; it passes each piece of all memory to `take`. A `find` of some of
  /// `wanted` after it then needs no sweep of its own.
  void watch(std::unordered_set<std::uint64_t> wanted);
  void take(std::span<const std::byte> bytes, std::uint64_t address);
  /// References to `wanted`. The first sweep also collects the containers.
  [[nodiscard]] std::vector<Reference> find(const std::vector<proc::Range>& ranges,
                                            const std::unordered_set<std::uint64_t>& wanted);
  /// For each of `references` (by its index) the containers whose items include its place.
  [[nodiscard]] std::unordered_multimap<std::size_t, std::uint64_t> owners(
      const std::vector<Reference>& references) const;

 private:
  void add_container(std::uint64_t object, std::uint64_t type, std::span<const std::byte> bytes, std::size_t at);

  const proc::Memory& live_;
  const Layout& layout_;
  ContainerTypes types_;
  std::vector<Container> containers_;
  bool indexing_ = false;  // the sweep collects containers
  // State of the sweep:
  std::unordered_set<std::uint64_t> wanted_;
  PointerSieve sieve_{0};
  std::vector<Reference> found_;
  std::unordered_map<std::uint64_t, std::size_t> counts_;  // by object
};

}  // namespace aiotrace::python
