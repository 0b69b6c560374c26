#include "output/page/stalls.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/cause.h"
#include "output/labels.h"
#include "output/page/page.h"
#include "output/text/hangs.h"
#include "output/text/losses.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

using Json = PageJson;
using model::Cause;

constexpr std::size_t kMaxLoops = 40;
constexpr std::size_t kMaxPlaces = 40;
constexpr std::size_t kMaxMarks = 6'000;
constexpr std::size_t kMaxDetails = 400;
// The limit for names and details, which are counted while they are added; the other parts have their own limits.
constexpr std::size_t kMarkBytes = 40;
constexpr std::size_t kDataBytes = 600'000;

Json segment_json(const model::Segment& segment, PageNames& names) {
  Json json{{"cause", model::index(segment.cause)}, {"us", page_micros(segment.ns)}, {"count", segment.count}};
  if (model::on_cpu(segment.cause)) json["sampled"] = true;
  if (!segment.syscall.empty()) json["syscall"] = page_name(segment.syscall);
  if (segment.culprit) {
    if (auto who = culprit_label(*segment.culprit); !who.empty()) json["who"] = page_name(who);
    const auto* gil = model::culprit_as<model::GilHolder>(segment.culprit);
    if (gil != nullptr && !gil->stack.empty()) json["holder"] = names.stack(gil->stack);
    const auto* lock = model::culprit_as<model::LockAt>(segment.culprit);
    if (lock != nullptr && lock->holder) json["holder"] = names.stack(lock->holder->stack);
  }
  if (segment.stack) json["stack"] = names.stack(*segment.stack);
  if (segment.stack_unreadable) json["cut"] = "a frame could not be read";
  if (segment.stack_too_deep) json["cut"] = "too deep: outer frames are missing";
  return json;
}

// The stall in the order of time, neighbours with the same cause are merged; null if there is too much to show.
Json moments_json(const model::Stall& stall) {
  constexpr std::size_t kMost = 64;
  constexpr std::uint64_t kGapNs = 1'000'000;
  struct Stretch {
    std::uint64_t start;
    std::uint64_t end;
    Cause cause;
  };
  std::vector<Stretch> stretches;
  auto from = stall.start_ns;
  for (const auto& moment : stall.moments) {
    const auto start = std::max(from, moment.start_ns);
    const auto end = std::min(stall.start_ns + stall.duration_ns, moment.start_ns + moment.ns);
    if (start >= end) continue;
    from = end;
    if (!stretches.empty() && stretches.back().cause == moment.cause && start - stretches.back().end < kGapNs)
      stretches.back().end = end;
    else
      stretches.push_back({start, end, moment.cause});
  }
  if (stretches.empty() || stretches.size() > kMost) return nullptr;
  auto json = Json::array();
  for (const auto& [start, end, cause] : stretches)
    json.push_back({page_micros(start - stall.start_ns), page_micros(end - start), model::index(cause)});
  return json;
}

Json stall_json(const model::Stall& stall, PageNames& names) {
  Json json = Json::object();
  if (stall.task) json["task"] = page_name(task_label(*stall.task));
  if (stall.at_least) json["at_least"] = true;
  auto notes = Json::array();
  if (stall.ongoing) notes.push_back("Its end was not seen.");
  if (stall.at_least) notes.push_back("It began before aiotrace could see it.");
  if (stall.callbacks) {
    notes.push_back(fmt::format("Many callbacks that add up: at least {}, the longest {}.", stall.callbacks->count,
                                format_duration_ns(stall.callbacks->longest_ns)));
  }
  if (stall.losses != 0) notes.push_back(fmt::format("{} records of it were lost.", stall.losses));
  if (!notes.empty()) json["notes"] = std::move(notes);
  auto segments = Json::array();
  for (const auto& segment : stall.segments) segments.push_back(segment_json(segment, names));
  json["segments"] = std::move(segments);
  if (auto moments = moments_json(stall); !moments.is_null()) json["moments"] = std::move(moments);
  return json;
}

Json loop_json(const model::LoopSummary& loop) {
  auto buckets = Json::array();
  for (std::size_t i = 0; i < loop.buckets.size(); ++i) {
    if (loop.buckets[i] != 0) buckets.push_back({i, loop.buckets[i]});
  }
  return {{"pid", loop.pid},
          {"tid", loop.tid},
          {"thread", page_name(loop.thread)},
          {"comm", page_name(loop.comm)},
          {"kind", name(loop.kind)},
          {"iterations", loop.iterations},
          {"busy_us", page_micros(loop.busy_ns)},
          {"p50_us", page_micros(loop.p50_ns)},
          {"p99_us", page_micros(loop.p99_ns)},
          {"max_us", page_micros(loop.max_ns)},
          {"stalls", loop.stalls},
          {"hist", std::move(buckets)}};
}

Json place_json(const model::Place& place) {
  return {{"cause", model::index(place.cause)},
          {"syscall", page_name(place.syscall)},
          {"function", page_name(place.function)},
          {"file", page_name(place.file)},
          {"line", place.line},
          {"advice", page_name(place.advice)},
          {"causes", place_causes(place)},
          {"comm", page_name(place.comm)},
          {"others", place.others},
          {"us", page_micros(place.ns)},
          {"stalls", place.stalls},
          {"max_us", page_micros(place.max_ns)}};
}

// The loops that a page shows: loops with most stalled time first.
std::vector<model::LoopSummary> shown_loops(const model::Summary& summary) {
  auto loops = summary.loops;
  std::ranges::stable_sort(loops, [](const auto& a, const auto& b) {
    return std::pair(a.stalls, a.max_ns) > std::pair(b.stalls, b.max_ns);
  });
  if (loops.size() > kMaxLoops) loops.resize(kMaxLoops);
  return loops;
}

// Marks of the longest stalls in the order of time, with the details of the longest ones.
class Marks {
 public:
  Marks(const Report& report, const std::vector<model::LoopSummary>& loops, PageNames& names) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> loop_at;
    for (std::size_t i = 0; i < loops.size(); ++i) loop_at[{loops[i].pid, loops[i].tid}] = i;
    auto brief = report.log.all();
    if (brief.size() > kMaxMarks) {
      std::ranges::nth_element(brief, brief.begin() + kMaxMarks,
                               [](const auto& a, const auto& b) { return a.duration_ns > b.duration_ns; });
      brief.resize(kMaxMarks);
      std::ranges::sort(brief, [](const auto& a, const auto& b) { return a.start_ns < b.start_ns; });
    }
    std::erase_if(brief, [&](const auto& stall) { return !loop_at.contains({stall.pid, stall.tid}); });
    add_details(report, names, brief.size() * kMarkBytes);
    for (const auto& stall : brief) {
      // A stall that began before the run is drawn at the run's beginning.
      const auto since = stall.start_ns > report.start_ns() ? stall.start_ns - report.start_ns() : 0;
      Json mark{page_micros(since), page_micros(stall.duration_ns), model::index(stall.cause),
                loop_at[{stall.pid, stall.tid}]};
      if (auto more = details_.find(stall.id); more != details_.end()) {
        mark.push_back(std::move(more->second));
        ++shown_details_;
      }
      marks_.push_back(std::move(mark));
    }
  }

  [[nodiscard]] std::size_t size() const { return marks_.size(); }
  [[nodiscard]] std::size_t details() const { return shown_details_; }
  [[nodiscard]] Json take() { return std::move(marks_); }

 private:
  void add_details(const Report& report, PageNames& names, std::size_t bytes) {
    for (const auto& stall : report.log.detailed()) {
      if (details_.size() >= kMaxDetails || bytes + names.bytes() > kDataBytes) break;
      auto json = stall_json(stall, names);
      bytes += page_bytes(json);
      details_.emplace(stall.id, std::move(json));
    }
  }

  Json marks_ = Json::array();
  std::unordered_map<std::uint64_t, Json> details_;
  std::size_t shown_details_ = 0;
};

// As in the text output, each with its lines.
Json hangs_json(const Report& report) {
  const auto context = report.context.plain();
  auto all = Json::array();
  for (const auto& hang : report.summary.hangs) {
    const auto lines = hang_lines(hang, context);
    auto rest = Json::array();
    for (std::size_t i = 1; i < lines.size(); ++i) rest.push_back(page_name(lines[i]));
    all.push_back({{"pid", hang.pid},
                   {"final", model::is_final(hang.verdict)},
                   {"text", page_name(hang_headline(hang))},
                   {"lines", std::move(rest)}});
  }
  return all;
}

Json notes_json(const Report& report, const Marks& marks, bool flame_cut) {
  const auto& summary = report.summary;
  auto notes = Json::array();
  notes.push_back(
      fmt::format("Written by aiotrace {} on Linux {}. Blocked and waiting time is exact; only time on a CPU "
                  "is split by samples.",
                  report.watching.version, page_name(report.watching.kernel)));
  if (marks.size() < summary.stalls) {
    notes.push_back(fmt::format("The time line has the {} longest of {} stalls; all sums count every one.",
                                format_count(marks.size()), format_count(summary.stalls)));
  }
  if (marks.details() < marks.size()) {
    notes.push_back(fmt::format("Segments and stacks are kept of the {} longest stalls.", marks.details()));
  }
  if (flame_cut) notes.push_back("The narrowest parts of the flame graph are left out.");
  const auto losses = losses_in_words(summary.losses);
  notes.push_back(losses.empty() ? "Nothing was lost while tracing."
                                 : fmt::format("Lost while tracing: {}.", fmt::join(losses, "; ")));
  if (summary.cost.bpf_ns && summary.elapsed_ns != 0) {
    notes.push_back(
        fmt::format("Cost: {} of one CPU in the kernel.", format_share(*summary.cost.bpf_ns, summary.elapsed_ns)));
  }
  return notes;
}

}  // namespace

std::string html_page(const Report& report) {
  const auto& summary = report.summary;
  PageNames names;
  auto flame = page_flame(report.stacks, names);
  const auto loops = shown_loops(summary);
  Marks marks(report, loops, names);
  auto cause_us = Json::array();
  for (const auto ns : summary.cause_ns) cause_us.push_back(page_micros(ns));
  auto loop_rows = Json::array();
  for (const auto& loop : loops) loop_rows.push_back(loop_json(loop));
  auto places = Json::array();
  for (const auto& place : summary.places) {
    if (places.size() < kMaxPlaces) places.push_back(place_json(place));
  }
  constexpr std::int64_t kMilli = 1'000'000;
  Json data{{"title", page_name(targets_label(report.watching))},
            {"start_ms", report.start_unix_ns() / kMilli},
            {"elapsed_us", page_micros(summary.elapsed_ns)},
            {"warn_us", page_micros(summary.warn_ns)},
            {"error_us", page_micros(summary.error_ns)},
            {"stalls", summary.stalls},
            {"errors", summary.errors},
            {"details", marks.details()},
            {"notes", notes_json(report, marks, flame.cut)},
            {"causes", page_causes()},
            {"cause_us", std::move(cause_us)},
            {"loops", std::move(loop_rows)},
            {"loops_left", summary.loops.size() - loops.size()},
            {"places", std::move(places)},
            {"hangs", hangs_json(report)},
            {"hang_looks", summary.hang_looks},
            {"marks", marks.take()},
            {"flame", std::move(flame.json)}};
  names.take_into(data);
  return page_of(PageKind::stalls, data);
}

}  // namespace aiotrace::output
