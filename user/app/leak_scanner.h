// Scans one process for leaks, again and again.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "app/origins.h"
#include "model/leaks.h"
#include "proc/memory.h"
#include "proc/process.h"
#include "proc/sweep.h"
#include "python/interpreter.h"
#include "python/references.h"
#include "python/suspects.h"
#include "python/wakers.h"

namespace aiotrace::app {

class LeakScanner {
 public:
  enum class Holders { leave, find };
  /// `process` must outlive this object. Several scanners may run at once, each in its own thread. When `stop`, which
  /// must outlive this object, is set, a scan ends with an error. `holders` adds a few more sweeps of all memory, each
  /// time when objects appear at a new place.
  LeakScanner(const proc::Process& process, std::uint64_t age_ns, const std::atomic<bool>* stop, Holders holders)
      : process_(process), memory_(process.pid(), stop), holders_(holders), tracker_(age_ns) {}

  /// From now on, findings are reported with the creators of the objects.
  void take_origins(Origins origins) { origins_.emplace(std::move(origins)); }
  [[nodiscard]] const Origins* origins() const { return origins_ ? &*origins_ : nullptr; }

  /// One scan. Errors: no supported CPython, no symbols, the process has ended. Never stops the process.
  Result<model::LeakScan> scan();
  /// Reads again the objects that may become leaks. An object that moved on between two scans is then not confused with
  /// a new object of the same kind at its address. This is cheap: it reads no other memory.
  void recheck();
  /// Groups of the last scan.
  [[nodiscard]] std::vector<model::Leak> leaks() const;

  [[nodiscard]] const python::Interpreter* interpreter() const { return interpreter_ ? &*interpreter_ : nullptr; }
  /// "this is trio 0.30.0: its tasks are not read", if that was the reason why the last scan failed.
  [[nodiscard]] const std::optional<std::string>& not_asyncio() const { return not_asyncio_; }

 private:
  Status look_at_interpreter(const proc::Maps& maps);
  using Addresses = std::unordered_set<std::uint64_t>;
  using Examples = std::unordered_map<std::uint64_t, std::uint64_t>;  // places by the addresses of suspects
  enum class Pass { first, again };
  /// Only the first one judges what tasks wait for.
  [[nodiscard]] python::Suspects one_pass(const proc::Maps& maps, model::LeakScan& scan, Pass pass,
                                          const proc::TakePiece& also = {}) const;
  static void judge_waits(python::Suspects& found, const std::unordered_map<std::uint64_t, python::Waker>& wakers,
                          model::LeakScan& scan);
  /// Removes suspects that are not confirmed at once; returns those that were unknown before this scan.
  [[nodiscard]] Addresses confirm(python::Suspects& found, const proc::Maps& maps, python::ReferenceScan& references);
  void keep_confirmed(python::Suspects& found, const Addresses& fresh, const proc::Maps& maps,
                      const proc::TakePiece& also = {}) const;
  void look_again(python::Suspects& found, const Addresses& fresh, bool it_ran);
  void split_by_origin(python::Suspects& found);
  [[nodiscard]] Examples examples(const python::Suspects& found) const;
  void describe(const python::Suspects& found);
  void find_holders(const Examples& examples, const proc::Maps& maps, python::ReferenceScan& references);
  void forget_unconfirmed(const python::Suspects& found, const Examples& examples);
  [[nodiscard]] std::vector<model::LeakSeen> seen(const std::vector<python::Suspect>& suspects);

  const proc::Process& process_;
  proc::LiveMemory memory_;
  Holders holders_;
  std::optional<python::Interpreter> interpreter_;
  std::optional<std::string> not_asyncio_;
  std::vector<python::Suspect> watched_;  // those of the last scan
  std::unordered_map<std::uint64_t, model::LeakPlace> places_;
  model::LeakTracker tracker_;
  std::optional<Origins> origins_;
  std::unordered_map<std::uint64_t, std::uint64_t> origin_of_;  // id of an origin by place, of the last scan
  std::uint64_t scans_ = 0;
  std::uint64_t stood_still_ = 0;  // suspects of this scan that no second look could confirm: the process did not run
};

}  // namespace aiotrace::app
