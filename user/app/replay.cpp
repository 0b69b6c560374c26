#include "app/replay.h"

#include <algorithm>
#include <map>
#include <utility>

#include "model/statistics.h"
#include "util/duration.h"

namespace aiotrace::app {

namespace {

class Replay {
 public:
  Replay(std::string name, const Thresholds& thresholds, const Listener& listener)
      : name_(std::move(name)), thresholds_(thresholds), listener_(listener) {}

  Status take(model::Watching watching);
  void take(recording::RecordedStall recorded);
  void take(recording::RecordedSummary recorded) {
    whole_ = !recorded.so_far;
    latest_ = std::move(recorded.summary);
  }
  Replayed finish(std::optional<Error> incomplete);

 private:
  void forget(std::uint64_t id);
  [[nodiscard]] bool filters() const { return thresholds_.warn_ns || thresholds_.error_ns; }

  std::string name_;
  const Thresholds& thresholds_;
  const Listener& listener_;
  std::uint64_t warn_ns_ = 0;
  std::uint64_t error_ns_ = 0;
  std::uint64_t began_ns_ = 0;
  std::uint64_t last_ns_ = 0;
  std::uint64_t longest_ns_ = 0;
  bool whole_ = false;
  model::Summary latest_;
  model::Statistics statistics_;
  // The last report of ongoing stalls, by id: if the recording is cut off, this is all that exists of them.
  std::map<std::uint64_t, recording::RecordedStall> ongoing_;
  std::size_t ongoing_memory_ = 0;
};

Status Replay::take(model::Watching watching) {
  if (thresholds_.warn_ns && *thresholds_.warn_ns < watching.warn_ns)
    return fail("--warn " + format_duration_ns(*thresholds_.warn_ns),
                name_ + " was recorded with " + format_duration_ns(watching.warn_ns) + ": shorter stalls are not in it",
                {}, ErrorKind::usage);
  watching.warn_ns = thresholds_.warn_ns.value_or(watching.warn_ns);
  watching.error_ns = std::max(thresholds_.error_ns.value_or(watching.error_ns), watching.warn_ns);
  warn_ns_ = watching.warn_ns;
  error_ns_ = watching.error_ns;
  began_ns_ = last_ns_ = watching.time_ns;
  if (listener_.watching) listener_.watching(watching);
  return {};
}

void Replay::forget(std::uint64_t id) {
  const auto found = ongoing_.find(id);
  if (found == ongoing_.end()) return;
  ongoing_memory_ -= found->second.memory;
  ongoing_.erase(found);
}

void Replay::take(recording::RecordedStall recorded) {
  auto& stall = recorded.stall;
  const auto end_ns = stall.start_ns + std::min(stall.duration_ns, ~std::uint64_t{0} - stall.start_ns);
  last_ns_ = std::max(last_ns_, end_ns);
  if (stall.duration_ns < warn_ns_) return;
  if (filters()) stall.error = stall.duration_ns >= error_ns_;
  longest_ns_ = std::max(longest_ns_, stall.duration_ns);
  if (!stall.ongoing || recorded.unfinished) {
    statistics_.add(stall);
    forget(stall.id);
  }
  const auto& report = recorded.unfinished ? listener_.unfinished : listener_.stall;
  if (report) report(stall);
  if (!stall.ongoing || recorded.unfinished) return;
  forget(stall.id);
  constexpr std::size_t kMaxOngoing = 4096;
  constexpr std::size_t kMaxMemory = std::size_t{256} << 20;
  if (ongoing_.size() >= kMaxOngoing || recorded.memory > kMaxMemory - ongoing_memory_) return;
  ongoing_memory_ += recorded.memory;
  ongoing_.emplace(stall.id, std::move(recorded));
}

Replayed Replay::finish(std::optional<Error> incomplete) {
  Replayed result{.summary = std::move(latest_), .longest_stall_ns = longest_ns_, .incomplete = std::move(incomplete)};
  if (whole_ && !filters()) return result;
  if (!whole_) {
    for (const auto& [id, recorded] : ongoing_) {
      const auto& stall = recorded.stall;
      statistics_.add(stall);
      if (listener_.unfinished) listener_.unfinished(stall);
    }
    result.summary.time_ns = std::max(result.summary.time_ns, last_ns_);
    result.summary.elapsed_ns = result.summary.time_ns - std::min(began_ns_, result.summary.time_ns);
  }
  auto& summary = result.summary;
  summary.warn_ns = warn_ns_;
  summary.error_ns = error_ns_;
  summary.stalls = statistics_.stalls();
  summary.errors = statistics_.errors();
  summary.cause_ns = statistics_.cause_ns();
  summary.places = statistics_.places();
  for (auto& loop : summary.loops) loop.stalls = statistics_.stalls_of(loop.pid, loop.tid);
  return result;
}

}  // namespace

Error cut_off(const std::string& name) {
  return {.kind = ErrorKind::failure,
          .what = "read " + name,
          .reason = "the recording is cut off: its end is missing",
          .hint = "everything up to there is shown"};
}

Result<Replayed> replay(recording::Reader& reader, Result<recording::Record> first, const std::string& name,
                        const Thresholds& thresholds, const Listener& listener) {
  Replay replay(name, thresholds, listener);
  for (auto record = std::move(first);; record = reader.next()) {
    if (!record) return replay.finish(std::move(record.error()));
    if (const auto* end = std::get_if<recording::End>(&*record)) {
      if (!end->cut_off) return replay.finish(std::nullopt);
      return replay.finish(cut_off(name));
    }
    if (auto* watching = std::get_if<model::Watching>(&*record)) {
      if (auto status = replay.take(std::move(*watching)); !status) return std::unexpected(status.error());
    } else if (auto* stall = std::get_if<recording::RecordedStall>(&*record)) {
      replay.take(std::move(*stall));
    } else if (const auto* leaks = std::get_if<model::ScannedLeaks>(&*record)) {
      if (listener.leaks) listener.leaks(leaks->leaks, leaks->scan);
    } else if (const auto* hangs = std::get_if<model::ScannedHangs>(&*record)) {
      if (listener.hangs) listener.hangs(*hangs);
    } else if (auto* summary = std::get_if<recording::RecordedSummary>(&*record)) {
      replay.take(std::move(*summary));
    }
  }
}

}  // namespace aiotrace::app
