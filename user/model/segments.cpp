#include "model/segments.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "model/apportion.h"
#include "util/hash.h"

namespace aiotrace::model {
namespace {

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) { return a > kNever - b ? kNever : a + b; }

Segment segment_of(const SegmentKey& key, std::uint64_t ns, std::uint64_t count) {
  Segment segment{.cause = key.cause,
                  .ns = ns,
                  .count = count,
                  .syscall = key.syscall,
                  .culprit = key.culprit,
                  .stack = std::nullopt};
  if (key.stack) {
    if (!key.stack->frames.empty()) segment.stack = key.stack->copy();
    segment.stack_unreadable = key.stack->unreadable;
    segment.stack_too_deep = key.stack->too_deep;
  }
  return segment;
}

struct Part {
  SegmentKey key;
  std::uint64_t ns = 0;
  std::uint64_t count = 0;
};

// The off-CPU times, scaled down if they exceed the duration (the clocks of two CPUs may differ a little).
std::array<std::uint64_t, kCauses> fitting_times(const ExactTimes& exact) {
  // Each is at most a sixteenth of the range, so their sum never overflows.
  constexpr std::uint64_t kMost = kNever / 16;
  std::array<std::uint64_t, kCauses> times{};
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kCauses; ++i) {
    if (on_cpu(static_cast<Cause>(i))) continue;
    times[i] = std::min(exact.cause_ns[i], kMost);
    sum += times[i];
  }
  if (sum <= exact.duration_ns) return times;
  const auto scaled = apportion(exact.duration_ns, times);
  std::copy(scaled.begin(), scaled.end(), times.begin());
  return times;
}

void add_off_cpu(std::vector<Part>& parts, Cause cause, std::uint64_t time, std::uint32_t times_seen,
                 const Pieces& pieces) {
  std::vector<const Pieces::Piece*> selected;
  std::vector<std::uint64_t> weights;
  std::uint64_t sum = 0;
  std::uint64_t count = 0;
  for (const auto& piece : pieces.all()) {
    if (piece.key.cause != cause) continue;
    selected.push_back(&piece);
    weights.push_back(std::min(piece.ns, kNever / (2 * Pieces::kMaxKeys)));
    sum += weights.back();
    count += piece.count;
  }
  const auto scaled = sum > time ? apportion(time, weights) : weights;
  for (std::size_t i = 0; i < selected.size(); ++i) parts.push_back({selected[i]->key, scaled[i], selected[i]->count});
  if (time > sum) {
    SegmentKey rest;
    rest.cause = cause;
    parts.push_back({std::move(rest), time - sum, times_seen > count ? times_seen - count : 0});
  }
}

// A sample in the kernel outside of any system call shows an interrupt or a page fault. Interrupts hit any running
// code, so as long as there are few such samples, they count as the interrupted code. Many such samples mean that the
// program causes page faults, and count as `kernel`.
std::optional<SegmentKey> interrupted_by_few(const Pieces& pieces) {
  constexpr std::uint64_t kFewOf100 = 15;
  std::uint64_t all = 0;
  std::uint64_t outside_calls = 0;
  const Pieces::Piece* most = nullptr;
  for (const auto& piece : pieces.all()) {
    if (!on_cpu(piece.key.cause)) continue;
    all += piece.count;
    if (piece.key.cause == Cause::kernel)
      outside_calls += piece.key.syscall.empty() ? piece.count : 0;
    else if (most == nullptr || piece.count > most->count)
      most = &piece;
  }
  if (most == nullptr || outside_calls * 100 > all * kFewOf100) return std::nullopt;
  return most->key;
}

void add_on_cpu(std::vector<Part>& parts, std::uint64_t time, const Pieces& pieces) {
  const auto interrupted = interrupted_by_few(pieces);
  std::vector<const Pieces::Piece*> selected;
  std::vector<std::uint64_t> weights;
  for (const auto& piece : pieces.all()) {
    if (!on_cpu(piece.key.cause) || piece.count == 0) continue;
    selected.push_back(&piece);
    weights.push_back(std::clamp<std::uint64_t>(piece.ns, 1, kNever / (2 * Pieces::kMaxKeys)));
  }
  if (selected.empty()) {
    SegmentKey unknown;
    unknown.cause = Cause::python;
    parts.push_back({std::move(unknown), time, 0});
    return;
  }
  const auto shares = apportion(time, weights);
  for (std::size_t i = 0; i < selected.size(); ++i) {
    Part part{selected[i]->key, shares[i], selected[i]->count};
    if (interrupted && part.key.cause == Cause::kernel && part.key.syscall.empty()) {
      part.key.cause = interrupted->cause;
      part.key.culprit = interrupted->culprit;
    }
    parts.push_back(std::move(part));
  }
}

// So far, parts of one place differ by the process that ran instead. This merges them into one part with all of these
// processes.
std::vector<Part> with_runners_merged(std::vector<Part> parts) {
  std::vector<Part> merged;
  for (auto& part : parts) {
    auto* runners = culprit_as<Runners>(part.key.culprit);
    if (runners == nullptr || runners->running.empty()) {
      merged.push_back(std::move(part));
      continue;
    }
    for (auto& runner : runners->running) runner.ns = part.ns;
    const auto same = std::find_if(merged.begin(), merged.end(), [&part](const Part& other) {
      const auto* others = culprit_as<Runners>(other.key.culprit);
      return other.key.cause == part.key.cause && other.key.stack == part.key.stack &&
             other.key.syscall == part.key.syscall && others != nullptr && !others->running.empty();
    });
    if (same == merged.end()) {
      merged.push_back(std::move(part));
      continue;
    }
    same->ns += part.ns;
    same->count += part.count;
    auto& running = culprit_as<Runners>(same->key.culprit)->running;
    running.insert(running.end(), runners->running.begin(), runners->running.end());
  }
  for (auto& part : merged) {
    if (auto* runners = culprit_as<Runners>(part.key.culprit))
      std::ranges::stable_sort(runners->running, [](const Runner& a, const Runner& b) { return a.ns > b.ns; });
  }
  return merged;
}

bool is_bare(const SegmentKey& key) { return !key.stack && !key.culprit && key.syscall.empty(); }

void hash_culprit(std::size_t& seed, const NativeFunction& who) {
  hash_into(seed, who.library);
  hash_into(seed, who.function);
}
void hash_culprit(std::size_t& seed, const GilHolder& who) { hash_into(seed, who.tid); }
void hash_culprit(std::size_t& seed, const FileUse& who) { hash_into(seed, who.path); }
void hash_culprit(std::size_t& seed, const SocketEnds& who) { hash_into(seed, who.peer); }
void hash_culprit(std::size_t& seed, const ChildProcess& who) { hash_into(seed, who.pid); }
void hash_culprit(std::size_t& seed, const LockAt& who) {
  hash_into(seed, who.address);
  hash_into(seed, who.holder ? who.holder->tid : 0);
}
void hash_culprit(std::size_t& seed, const MappedFile& who) { hash_into(seed, who.path); }
void hash_culprit(std::size_t& seed, const Runners& who) {
  for (const auto& runner : who.running) hash_into(seed, runner.pid);
}
void hash_culprit(std::size_t& seed, const CpuQuota& who) { hash_into(seed, who.cgroup); }

// Largest first; the smallest are merged by cause where there are too many.
std::vector<Part> bounded(std::vector<Part> parts) {
  std::erase_if(parts, [](const Part& part) { return part.ns == 0; });
  const auto larger = [](const Part& a, const Part& b) {
    return a.ns != b.ns ? a.ns > b.ns : a.key.cause < b.key.cause;
  };
  std::stable_sort(parts.begin(), parts.end(), larger);
  if (parts.size() <= kMaxSegments) return parts;
  constexpr auto kKept = kMaxSegments - kCauses;
  std::vector<Part> kept(std::make_move_iterator(parts.begin()), std::make_move_iterator(parts.begin() + kKept));
  for (std::size_t i = kKept; i < parts.size(); ++i) {
    const auto cause = parts[i].key.cause;
    auto rest = std::find_if(kept.begin(), kept.end(),
                             [cause](const Part& part) { return part.key.cause == cause && is_bare(part.key); });
    if (rest == kept.end()) {
      SegmentKey bare;
      bare.cause = cause;
      rest = kept.insert(kept.end(), Part{std::move(bare), 0, 0});
    }
    rest->ns += parts[i].ns;
    rest->count += parts[i].count;
  }
  std::stable_sort(kept.begin(), kept.end(), larger);
  return kept;
}

}  // namespace

std::size_t SegmentKeyHash::operator()(const SegmentKey& key) const {
  auto seed = index(key.cause);
  hash_into(seed, key.syscall);
  hash_into(seed, key.stack.get());
  if (key.culprit) std::visit([&seed](const auto& who) { hash_culprit(seed, who); }, *key.culprit);
  return seed;
}

void Pieces::add(SegmentKey key, std::uint64_t ns, std::uint64_t count) {
  auto found = at_.find(key);
  if (found == at_.end() && pieces_.size() >= kMaxKeys - kCauses && !is_bare(key)) {
    const auto cause = key.cause;
    key = {};
    key.cause = cause;
    found = at_.find(key);
  }
  if (found == at_.end()) {
    at_.emplace(key, pieces_.size());
    pieces_.push_back({std::move(key), ns, count});
    return;
  }
  auto& piece = pieces_[found->second];
  piece.ns = saturating_add(piece.ns, ns);
  piece.count = saturating_add(piece.count, count);
}

void Pieces::clear() {
  pieces_.clear();
  at_.clear();
}

SplitIteration split_iteration(const ExactTimes& exact, const Pieces& pieces) {
  SplitIteration split;
  const auto off_cpu = fitting_times(exact);
  split.on_cpu_ns = exact.duration_ns - std::accumulate(off_cpu.begin(), off_cpu.end(), std::uint64_t{0});
  std::vector<Part> parts;
  for (std::size_t i = 0; i < kCauses; ++i) {
    const auto cause = static_cast<Cause>(i);
    if (!on_cpu(cause)) add_off_cpu(parts, cause, off_cpu[i], exact.cause_count[i], pieces);
  }
  add_on_cpu(parts, split.on_cpu_ns, pieces);
  for (const auto& part : parts) split.cause_ns[index(part.key.cause)] += part.ns;
  for (const auto& part : bounded(with_runners_merged(std::move(parts)))) {
    split.segments.push_back(segment_of(part.key, part.ns, part.count));
  }
  return split;
}

}  // namespace aiotrace::model
