// Leaks over time: the objects of one look, which of them are still there in the next look, their age and their number.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/stall.h"

namespace aiotrace::model {

enum class LeakClass : std::uint8_t { never_awaited, orphaned, stuck, unread_exception, async_generator, dropped };
template <>
struct Names<LeakClass> {
  static constexpr std::array<std::string_view, 6> list{"never-awaited",    "orphaned",        "stuck",
                                                        "unread-exception", "async-generator", "dropped"};
};
inline constexpr std::size_t kLeakClasses = kValues<LeakClass>;

/// An older object is a leak, unless --age changes the limit.
inline constexpr std::uint64_t kDefaultLeakAgeNs = 60'000'000'000;

/// One object in one look.
struct LeakSeen {
  LeakClass leak_class = LeakClass::never_awaited;
  bool idle = false;          ///< it is made to wait: never more than a candidate
  std::uint64_t address = 0;  ///< identifies, with class and fingerprint, the same object in the same state
  std::uint64_t fingerprint = 0;
  std::uint64_t bytes = 0;
  std::uint64_t place = 0;  ///< the same for all objects that hang at the same lines and were created at the same lines
  std::uint64_t made_ns = 0;                 ///< 0: unknown
  std::optional<std::uint8_t> generation{};  ///< generation of the garbage collector, 0 to 2; nullopt: unknown
};

/// How an object is kept alive.
enum class HolderKind : std::uint8_t {
  unknown,
  variable,   ///< of the module `owner`
  attribute,  ///< of an instance of the class `owner`, or of the class itself
  local,      ///< of the coroutine or generator `owner`
  closure,    ///< of the function `owner`
  object,     ///< an object of the type `owner`; how it refers to the held object is unknown
};
template <>
struct Names<HolderKind> {
  static constexpr std::array<std::string_view, 6> list{"", "variable", "attribute", "local", "closure", "object"};
};

/// What keeps an object alive.
struct LeakHolder {
  HolderKind kind = HolderKind::unknown;
  std::string container{};  ///< the container of the object: "list", "dict", "set", "tuple"; empty: none
  std::string name{};       ///< of the variable or attribute; empty: not known
  std::string owner{};      ///< module, class or function that owns it
};

/// The place where objects hang, for people.
struct LeakPlace {
  std::string coroutine{};             ///< qualified name; empty: a future of no coroutine
  std::string file{};                  ///< file of its definition; for a dropped one, where it was dropped
  std::uint32_t line = 0;              ///< 0: unknown
  Stack stack{};                       ///< where it hangs, innermost first; empty: not started
  std::string detail{};                ///< type of an exception that was not read; empty: none
  std::optional<LeakHolder> holder{};  ///< holder of one of them
  Stack made_by{};                     ///< the calls that created them, innermost first; empty: unknown
};

/// A group of objects as it is reported.
struct Leak {
  LeakClass leak_class = LeakClass::never_awaited;
  bool leak = false;  ///< older than --age; otherwise a candidate
  bool idle = false;
  LeakPlace place;
  std::optional<std::uint64_t> count;   ///< nullopt: not known
  std::optional<std::uint64_t> age_ns;  ///< age of the oldest, at least; nullopt: seen once
  bool age_known = false;               ///< the age counts from its creation, so it is exact
  std::uint64_t bytes = 0;
  std::optional<std::uint8_t> generation{};  ///< of the oldest, while `age_ns` is not known
  std::optional<double> growth_per_minute;   ///< of the whole group; nullopt: fewer than two looks
  bool growing = false;                      ///< more of them in each of the last looks than in the one before
  std::uint32_t pid = 0;
  std::uint64_t scan = 0;
};

/// The cost of one look, and the parts that it could not read.
struct LeakScan {
  std::uint64_t number = 0;  ///< counted from 1
  std::uint64_t time_ns = 0;
  std::uint64_t duration_ns = 0;
  std::uint64_t objects = 0;           ///< coroutines, asynchronous generators, tasks and futures looked at
  std::uint64_t bytes = 0;             ///< of memory read
  std::uint64_t swapped_bytes = 0;     ///< in swap: not read
  std::uint64_t unreadable_bytes = 0;  ///< unmapped during the scan, or over a limit
  std::uint64_t objects_over_limit = 0;
  std::uint64_t unconfirmed = 0;   ///< suspects that a second look did not confirm
  std::uint64_t unclassified = 0;  ///< coroutines and tasks that wait for something unknown: not judged
  std::uint64_t holders_ns = 0;    ///< part of `duration_ns`: the search for their holders
  std::uint32_t pid = 0;
};

/// The cost of watching the creation of coroutines.
struct LeakOrigins {
  std::uint64_t traps = 0;     ///< traps in the target: one for each created coroutine or generator
  std::uint64_t kept = 0;      ///< coroutines and asynchronous generators
  std::uint64_t no_stack = 0;  ///< those of them whose creators could not be read
  std::uint64_t lost = 0;      ///< in addition: those for which BPF had no room
  std::uint64_t bpf_ns = 0;
};

/// The end report of a `leaks` run.
struct LeakSummary {
  std::uint64_t elapsed_ns = 0;
  std::uint64_t scans = 0;
  std::uint64_t max_scan_ns = 0;
  std::array<std::uint64_t, kLeakClasses> leaks{};  ///< objects of the last look; of `dropped` places
  std::array<std::uint64_t, kLeakClasses> candidates{};
  LeakScan losses;  ///< added up over all looks
  std::uint64_t cpu_ns = 0;
  std::uint64_t rss_bytes = 0;
  std::optional<LeakOrigins> origins{};  ///< with --origin
};

/// Number of objects of each class.
using LeakCounts = std::array<std::uint64_t, kLeakClasses>;
/// Counts the rows that are leaks, or those that are not; or those of `dropped` places.
[[nodiscard]] LeakCounts count_leaks(const std::vector<Leak>& leaks, bool are_leaks);

class LeakTracker {
 public:
  /// Objects beyond this number are not recognized in the next look, so they stay candidates.
  static constexpr std::size_t kMaxObjects = 1'000'000;
  /// Places beyond this number are reported as one without a name, because a program can create code objects at
  /// runtime.
  static constexpr std::size_t kMaxGroups = 10'000;

  explicit LeakTracker(std::uint64_t age_ns) : age_ns_(age_ns) {}

  /// True if the last look saw it too.
  [[nodiscard]] bool known(const LeakSeen& seen) const;
  /// The object has changed: if it is seen again, it counts as a new object.
  void forget(std::uint64_t address) { objects_.erase(address); }

  /// Adds one complete look; objects that it does not contain have ended. `now_ns` must never decrease.
  void look(std::uint64_t now_ns, const std::vector<LeakSeen>& seen);
  /// Dropped coroutines that the program itself has recorded. Each is a leak at once.
  void dropped(const std::vector<LeakPlace>& places) { dropped_ = places; }

  /// Groups of the last look without `pid` and `scan`: growing ones first, then leaks, then the largest. `describe`
  /// returns the place of a number.
  template <class Describe>
  [[nodiscard]] std::vector<Leak> leaks(const Describe& describe) const {
    std::vector<Leak> rows;
    for (const auto& [key, group] : groups_) {
      for (const bool leak : {true, false}) {
        const Part& part = group.parts[leak ? 1 : 0];
        if (part.count == 0) continue;
        Leak row = to_row(key.first, group, part, leak);
        row.place = describe(key.second);
        rows.push_back(std::move(row));
      }
    }
    for (const LeakPlace& place : dropped_) rows.push_back(dropped_row(place));
    sort(rows);
    return rows;
  }

 private:
  struct Object {
    LeakClass leak_class;
    std::uint64_t fingerprint = 0;
    std::uint64_t first_ns = 0;
    std::uint64_t look = 0;
  };
  struct Part {
    std::uint64_t count = 0;
    std::uint64_t bytes = 0;
    std::uint64_t oldest_ns = UINT64_MAX;  // when it was created, or first seen
    bool all_made = true;                  // the creation of each is known
    std::optional<std::uint8_t> generation{};
  };
  struct Look {
    std::uint64_t time_ns = 0;
    std::uint64_t count = 0;
  };
  struct Group {
    std::array<Part, 2> parts;  // candidates, leaks
    bool idle = false;
    std::deque<Look> history;  // of the last looks, the newest last
  };
  [[nodiscard]] Leak to_row(LeakClass leak_class, const Group& group, const Part& part, bool leak) const;
  [[nodiscard]] static Leak dropped_row(const LeakPlace& place);
  static void sort(std::vector<Leak>& rows);

  std::uint64_t age_ns_;
  std::uint64_t looks_ = 0;
  std::uint64_t now_ns_ = 0;
  std::unordered_map<std::uint64_t, Object> objects_;  // by address
  std::map<std::pair<LeakClass, std::uint64_t>, Group> groups_;
  std::vector<LeakPlace> dropped_;
};

}  // namespace aiotrace::model
