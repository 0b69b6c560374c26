#include "app/leak_scanner.h"

#include <time.h>

#include <algorithm>
#include <ranges>
#include <set>
#include <tuple>
#include <unordered_set>

#include "model/frame_origin.h"
#include "proc/page_cache.h"
#include "proc/progress.h"
#include "proc/resident.h"
#include "python/generations.h"
#include "python/holders.h"
#include "python/objects.h"
#include "python/other_loops.h"
#include "python/threads.h"
#include "python/tracebacks.h"
#include "python/warnings.h"
#include "util/clock.h"
#include "util/hash.h"

namespace aiotrace::app {
namespace {

// Limits: reported frames of a place, and text of the frames of all places.
constexpr std::size_t kMaxFrames = 64;
constexpr std::size_t kMaxTextBytes = 16u << 20;

// The number of objects that are read again between two scans; objects beyond it are only read by the scans.
constexpr std::size_t kMaxRechecked = 20'000;

model::LeakClass class_of(python::Suspect::Kind kind) {
  switch (kind) {
    case python::Suspect::Kind::never_awaited: return model::LeakClass::never_awaited;
    case python::Suspect::Kind::orphaned: return model::LeakClass::orphaned;
    case python::Suspect::Kind::stuck: return model::LeakClass::stuck;
    case python::Suspect::Kind::unread_exception: return model::LeakClass::unread_exception;
    case python::Suspect::Kind::async_generator: break;
  }
  return model::LeakClass::async_generator;
}

model::HolderKind kind_of(python::Holder::Kind kind) {
  switch (kind) {
    case python::Holder::Kind::variable: return model::HolderKind::variable;
    case python::Holder::Kind::attribute: return model::HolderKind::attribute;
    case python::Holder::Kind::local: return model::HolderKind::local;
    case python::Holder::Kind::closure: return model::HolderKind::closure;
    case python::Holder::Kind::object: return model::HolderKind::object;
    case python::Holder::Kind::unnamed: break;
  }
  return model::HolderKind::unknown;
}

/// Pauses until every thread that wants to run has run since `progress` began. False: they did not run within a short
/// time.
bool rest_till_it_ran(const proc::Progress& progress, long pause_ns) {
  constexpr int kMostPauses = 30;
  for (int i = 0; i < kMostPauses; ++i) {
    const timespec pause{0, pause_ns};
    nanosleep(&pause, nullptr);
    if (progress.made()) return true;
  }
  return false;
}

model::LeakSeen to_seen(const python::Suspect& suspect) {
  return {.leak_class = class_of(suspect.kind),
          .idle = suspect.idle,
          .address = suspect.address,
          .fingerprint = suspect.fingerprint,
          .bytes = suspect.bytes,
          .place = suspect.place};
}

}  // namespace

Status LeakScanner::look_at_interpreter(const proc::Maps& maps) {
  // A process that called exec has another interpreter, or none.
  if (interpreter_ && memory_.read<std::uint64_t>(interpreter_->interpreters_head).value_or(0) == 0)
    interpreter_.reset();
  if (interpreter_) {
    python::refresh(*interpreter_, process_, maps, memory_);
    return {};
  }
  auto found = python::inspect(process_, maps, memory_);
  if (!found) return std::unexpected(python::as_error(found.error(), process_));
  const std::string what = "coroutines of process " + std::to_string(process_.pid());
  if (found->coro_type == 0 || found->async_gen_type == 0)
    return fail(what, found->where + " has no symbols", "", ErrorKind::unsupported);
  not_asyncio_ = python::why_no_tasks(*found, process_, memory_);
  if (not_asyncio_) return fail(what, *not_asyncio_, "", ErrorKind::unsupported);
  interpreter_ = std::move(*found);
  return {};
}

// A task that somebody can wake is idle. A task about which nothing is known is not judged, only counted.
void LeakScanner::judge_waits(python::Suspects& found, const std::unordered_map<std::uint64_t, python::Waker>& wakers,
                              model::LeakScan& scan) {
  const auto waker_of = [&](const python::Suspect& suspect) {
    const auto at = suspect.kind == python::Suspect::Kind::stuck ? wakers.find(suspect.address) : wakers.end();
    return at == wakers.end() ? python::Waker::nobody : at->second;
  };
  for (auto& suspect : found.all) suspect.idle = suspect.idle || waker_of(suspect) == python::Waker::somebody;
  scan.unclassified += std::erase_if(found.all, [&](const python::Suspect& suspect) {
    return waker_of(suspect) == python::Waker::unknown;
  });
}

python::Suspects LeakScanner::one_pass(const proc::Maps& maps, model::LeakScan& scan, Pass pass,
                                       const proc::TakePiece& also) const {
  const proc::PageCache cached(memory_);
  python::CodeCache codes(cached, interpreter_->layout);
  python::AsyncioReader reader(*interpreter_, cached, codes);
  const auto resident = proc::resident_memory(process_.pid(), proc::heap_mappings(maps));
  const auto types = python::heap_types(reader);
  const auto census = python::take_census(reader, memory_, resident, types, also);
  scan.objects = census.objects();
  scan.bytes = census.bytes;
  scan.swapped_bytes = census.swapped_bytes;
  scan.unreadable_bytes = census.unseen_bytes;
  scan.objects_over_limit = census.dropped;
  auto found = python::find_suspects(reader, census, types.foreign_scheduler);
  if (!reader.futures().problem().empty()) {
    // Without the program's tasks it is unknown who will resume a coroutine.
    scan.unclassified += found.all.size();
    found.all.clear();
  }
  scan.unclassified += found.unclassified;
  if (pass == Pass::first) {
    const auto threads = python::python_threads(*interpreter_, process_, cached);
    judge_waits(found, python::find_wakers(reader, census, found, threads), scan);
  }
  return found;
}

// The program continued to run during the scan: a task that was created during it, or an awaiter that moved on, can be
// missing. So only findings that two whole scans and a few short rereads confirm are believed.
void LeakScanner::keep_confirmed(python::Suspects& found, const Addresses& fresh, const proc::Maps& maps,
                                 const proc::TakePiece& also) const {
  model::LeakScan ignored;
  const auto again = one_pass(maps, ignored, Pass::again, also);
  std::set<std::tuple<python::Suspect::Kind, std::uint64_t, std::uint64_t>> confirmed;
  for (const auto& suspect : again.all) confirmed.emplace(suspect.kind, suspect.address, suspect.fingerprint);
  std::erase_if(found.all, [&](const python::Suspect& suspect) {
    return fresh.contains(suspect.address) && !confirmed.contains({suspect.kind, suspect.address, suspect.fingerprint});
  });
}

void LeakScanner::look_again(python::Suspects& found, const Addresses& fresh, bool it_ran) {
  const proc::PageCache cached(memory_);
  python::CodeCache codes(cached, interpreter_->layout);
  python::AsyncioReader reader(*interpreter_, cached, codes);
  std::erase_if(found.all, [&](const python::Suspect& suspect) {
    if (!fresh.contains(suspect.address)) return false;
    // A program that did not run in the meantime has not changed, so a second look at it proves nothing.
    if (!it_ran) ++stood_still_;
    return !it_ran || !python::still_suspect(reader, suspect);
  });
}

LeakScanner::Addresses LeakScanner::confirm(python::Suspects& found, const proc::Maps& maps,
                                            python::ReferenceScan& references) {
  Addresses fresh;
  for (const auto& suspect : found.all) {
    if (!tracker_.known(to_seen(suspect))) fresh.insert(suspect.address);
  }
  if (fresh.empty()) return fresh;
  Addresses wanted;
  for (const auto& [example, place] : examples(found)) wanted.insert(example);
  if (wanted.empty()) {
    keep_confirmed(found, fresh, maps);
  } else {
    references.watch(std::move(wanted));
    keep_confirmed(found, fresh, maps,
                   [&](std::span<const std::byte> bytes, std::uint64_t address) { references.take(bytes, address); });
  }
  for (const long pause_ns : {1'300'000, 3'700'000})
    look_again(found, fresh, rest_till_it_ran(proc::Progress(process_), pause_ns));
  // Generators of context managers are created at the same addresses again and again, without arguments that would
  // distinguish them.
  const bool once_more = std::ranges::any_of(found.all, [&](const python::Suspect& suspect) {
    return suspect.kind == python::Suspect::Kind::async_generator && fresh.contains(suspect.address);
  });
  if (once_more) keep_confirmed(found, fresh, maps);
  return fresh;
}

// Objects that hang at the same lines but were created at different lines are different leaks.
void LeakScanner::split_by_origin(python::Suspects& found) {
  if (!origins_) return;
  origins_->begin_look();
  origin_of_.clear();
  for (auto& suspect : found.all) {
    const auto origin = origins_->of(suspect.address);
    if (!origin) continue;
    std::size_t place = suspect.place;
    hash_into(place, origin->id);
    if (const auto known = found.places.find(suspect.place); known != found.places.end())
      found.places.emplace(place, known->second);
    suspect.place = place;
    origin_of_.emplace(place, origin->id);
  }
}

namespace {

// Where it was raised. A task that ended in its first step (an eager one) has no coroutine any more: it was the
// outermost frame's.
void add_traceback(model::LeakPlace& place, python::AsyncioReader& reader, std::uint64_t exception) {
  if (!place.stack.empty()) return;
  std::shared_ptr<const python::CodeInfo> outermost;
  for (const auto& entry : std::views::reverse(python::read_traceback(reader, exception))) {
    const auto code = reader.codes().find(entry.code);
    if (code == nullptr) continue;
    place.stack.push_back(
        {.kind = model::Frame::Kind::python, .function = code->function, .file = code->file, .line = entry.line});
    if (model::origin_of(code->file).package() != "asyncio") outermost = code;
  }
  if (!place.file.empty() || outermost == nullptr) return;
  if (place.coroutine.empty()) place.coroutine = outermost->function;
  place.file = outermost->file;
  place.line = outermost->first_line;
}

}  // namespace

void LeakScanner::describe(const python::Suspects& found) {
  const proc::PageCache cached(memory_);
  const python::Objects objects(cached, interpreter_->layout);
  python::CodeCache codes(cached, interpreter_->layout);
  python::AsyncioReader reader(*interpreter_, cached, codes);
  std::unordered_map<std::uint64_t, model::LeakPlace> places;
  std::size_t text_bytes = 0;
  for (const auto& suspect : found.all) {
    if (places.contains(suspect.place)) continue;
    // The addresses of its code identify a place, so known data about a place stays valid.
    if (auto known = places_.extract(suspect.place)) {
      places.insert(std::move(known));
      continue;
    }
    model::LeakPlace place;
    const auto example = found.places.find(suspect.place);
    if (example != found.places.end() && !example->second.chain.empty()) {
      const auto& chain = example->second.chain;
      place.coroutine = reader.coroutines().qualified_name(chain.front().object).value_or("");
      if (const auto code = codes.find(chain.front().code)) {
        place.file = code->file;
        place.line = code->first_line;
        if (place.coroutine.empty()) place.coroutine = code->function;
      }
      for (const auto& at : std::views::reverse(chain)) {
        if (place.stack.size() >= kMaxFrames || text_bytes > kMaxTextBytes) break;
        if (at.state != python::CoroutineState::suspended) continue;
        const auto code = codes.find(at.code);
        if (code == nullptr) continue;
        place.stack.push_back({.kind = model::Frame::Kind::python,
                               .function = code->function,
                               .file = code->file,
                               .line = codes.line(at.code, at.lasti)});
        text_bytes += code->function.size() + code->file.size();
      }
    }
    if (suspect.exception != 0) {
      const auto type = objects.type_of(suspect.exception);
      place.detail = type ? objects.type_name(*type).value_or("") : "";
      add_traceback(place, reader, suspect.exception);
      for (const auto& frame : place.stack) text_bytes += frame.function.size() + frame.file.size();
    }
    if (const auto made = origin_of_.find(suspect.place); made != origin_of_.end())
      place.made_by = origins_->stack(made->second, codes);
    places.emplace(suspect.place, std::move(place));
  }
  places_ = std::move(places);
}

// One suspect for each place that is not known yet. Tasks that wait are skipped: the loop holds them.
LeakScanner::Examples LeakScanner::examples(const python::Suspects& found) const {
  Examples examples;
  std::unordered_set<std::uint64_t> taken;
  if (holders_ != Holders::find) return examples;
  for (const auto& suspect : found.all) {
    if (suspect.kind == python::Suspect::Kind::stuck || places_.contains(suspect.place)) continue;
    if (examples.size() < python::kMaxHeld && taken.insert(suspect.place).second)
      examples.emplace(suspect.address, suspect.place);
  }
  return examples;
}

void LeakScanner::find_holders(const Examples& examples, const proc::Maps& maps, python::ReferenceScan& references) {
  if (examples.empty()) return;
  std::vector<std::uint64_t> held;
  for (const auto& [example, place] : examples) held.push_back(example);
  const proc::PageCache cached(memory_);
  python::CodeCache codes(cached, interpreter_->layout);
  python::AsyncioReader reader(*interpreter_, cached, codes);
  const auto resident = proc::resident_memory(process_.pid(), proc::heap_mappings(maps));
  for (auto& [object, holder] : python::find_holders(reader, references, resident, held)) {
    places_[examples.at(object)].holder = model::LeakHolder{.kind = kind_of(holder.kind),
                                                            .container = std::move(holder.container),
                                                            .name = std::move(holder.name),
                                                            .owner = std::move(holder.owner)};
  }
}

// A suspect that the last looks did not confirm had a place, and may have been the example of that place.
void LeakScanner::forget_unconfirmed(const python::Suspects& found, const Examples& examples) {
  Addresses addresses, places;
  for (const auto& suspect : found.all) {
    addresses.insert(suspect.address);
    places.insert(suspect.place);
  }
  std::erase_if(places_, [&](const auto& entry) { return !places.contains(entry.first); });
  for (const auto& [example, place] : examples) {
    const auto known = places_.find(place);
    if (known != places_.end() && !addresses.contains(example)) known->second.holder.reset();
  }
}

std::vector<model::LeakSeen> LeakScanner::seen(const std::vector<python::Suspect>& suspects) {
  std::vector<model::LeakSeen> all;
  all.reserve(suspects.size());
  for (const auto& suspect : suspects) {
    all.push_back(to_seen(suspect));
    const auto origin = origins_ ? origins_->of(suspect.address) : std::nullopt;
    if (origin) all.back().made_ns = origin->made_ns;
  }
  // An object that is new in a later look is younger than the time between the two looks.
  if (scans_ > 1 || all.empty()) return all;
  const auto generations = python::Generations::read(*interpreter_, memory_);
  if (!generations) return all;
  for (auto& each : all) each.generation = generations->of(each.address);
  return all;
}

Result<model::LeakScan> LeakScanner::scan() {
  model::LeakScan scan;
  scan.number = ++scans_;
  stood_still_ = 0;
  scan.time_ns = monotonic_ns();
  scan.pid = static_cast<std::uint32_t>(process_.pid());
  const auto maps = proc::Maps::read(process_.pid());
  if (!maps) return std::unexpected(maps.error());
  if (auto status = look_at_interpreter(*maps); !status) return std::unexpected(status.error());
  auto found = one_pass(*maps, scan, Pass::first);
  python::ReferenceScan references(memory_, interpreter_->layout,
                                   python::container_types(*interpreter_, proc::PageCache(memory_)));
  const std::size_t suspected = found.all.size();
  std::erase_if(found.all, [this](const python::Suspect& suspect) {
    return suspect.doubtful && !tracker_.known(to_seen(suspect));
  });
  const auto fresh = confirm(found, *maps, references);
  const auto over = [this]() -> Status {
    const std::string what = "look for leaks of process " + std::to_string(process_.pid());
    if (memory_.stop() != nullptr && *memory_.stop()) return fail(what, "interrupted");
    const bool readable = memory_.read<std::uint64_t>(interpreter_->interpreters_head).has_value();
    return readable && process_.alive() ? Status{} : fail(what, "it has ended");
  };
  if (auto status = over(); !status) return std::unexpected(status.error());
  split_by_origin(found);
  const auto shown = examples(found);
  const proc::Progress progress(process_);
  describe(found);
  const std::uint64_t before_ns = monotonic_ns();
  find_holders(shown, *maps, references);
  scan.holders_ns = monotonic_ns() - before_ns;
  if (!fresh.empty()) {
    // A search for holders takes as long as the pause before the next look, so it replaces the pause.
    look_again(found, fresh, (!shown.empty() && progress.made()) || rest_till_it_ran(progress, 7'100'000));
    look_again(found, fresh, rest_till_it_ran(proc::Progress(process_), 2'300'000));
    forget_unconfirmed(found, shown);
  }
  scan.unconfirmed = suspected - found.all.size() - stood_still_;
  scan.unclassified += stood_still_;
  const proc::PageCache cached(memory_);
  const auto written_down = python::dropped_coroutines(*interpreter_, cached);
  // Data that was read from a process that has ended may belong to another process.
  if (auto status = over(); !status) return std::unexpected(status.error());
  tracker_.look(scan.time_ns, seen(found.all));
  std::vector<model::LeakPlace> dropped;
  for (const auto& each : written_down) {
    model::LeakPlace place{
        .coroutine = each.coroutine, .file = each.file, .line = each.line, .stack = {}, .detail = {}};
    place.stack.push_back({.kind = model::Frame::Kind::python, .function = {}, .file = each.file, .line = each.line});
    dropped.push_back(std::move(place));
  }
  tracker_.dropped(dropped);
  watched_ = std::move(found.all);
  scan.duration_ns = monotonic_ns() - scan.time_ns;
  return scan;
}

void LeakScanner::recheck() {
  if (!interpreter_) return;
  const proc::PageCache cached(memory_);
  python::CodeCache codes(cached, interpreter_->layout);
  python::AsyncioReader reader(*interpreter_, cached, codes);
  std::size_t left = kMaxRechecked;
  std::erase_if(watched_, [&](const python::Suspect& suspect) {
    if (left == 0 || python::still_suspect(reader, suspect)) {
      if (left != 0) --left;
      return false;
    }
    tracker_.forget(suspect.address);
    return true;
  });
}

std::vector<model::Leak> LeakScanner::leaks() const {
  auto rows = tracker_.leaks([this](std::uint64_t place) {
    const auto found = places_.find(place);
    return found == places_.end() ? model::LeakPlace{} : found->second;
  });
  for (auto& row : rows) {
    row.pid = static_cast<std::uint32_t>(process_.pid());
    row.scan = scans_;
  }
  return rows;
}

}  // namespace aiotrace::app
