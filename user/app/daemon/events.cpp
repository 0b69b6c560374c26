#include "app/daemon/events.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/cause.h"
#include "output/labels.h"
#include "output/text/hangs.h"
#include "output/text/stall_parts.h"
#include "util/duration.h"
#include "util/text.h"

namespace aiotrace::app {

namespace {

using fleet::Attributes;
using fleet::Event;
using fleet::Severity;

constexpr std::size_t kMaxFrames = 16;

double seconds(std::uint64_t ns) { return static_cast<double>(ns) / 1e9; }
std::int64_t number(std::uint64_t value) { return static_cast<std::int64_t>(value); }

std::string place(const model::Frame& frame) {
  if (frame.file.empty()) return frame.function;
  return frame.line == 0 ? fmt::format("{} ({})", frame.function, frame.file)
                         : fmt::format("{} ({}:{})", frame.function, frame.file, frame.line);
}

void add_text(Attributes& into, std::string_view key, std::string_view text) {
  if (!text.empty()) into.emplace_back(key, std::string(text));
}

void add_frame(Attributes& into, const model::Frame& frame) {
  add_text(into, "code.function.name", frame.function);
  add_text(into, "code.file.path", frame.file);
  if (frame.line != 0) into.emplace_back("code.line.number", std::int64_t{frame.line});
}

// Innermost first.
void add_stack(Attributes& into, const model::Stack& stack) {
  std::string text;
  for (std::size_t i = 0; i < std::min(stack.size(), kMaxFrames); ++i) {
    if (i != 0) text += '\n';
    text += place(stack[i]);
  }
  add_text(into, "code.stacktrace", text);
}

void add_place(Attributes& into, const model::Stack& stack, const model::Frame* named) {
  if (named == nullptr && !stack.empty()) named = &stack.front();
  if (named != nullptr) add_frame(into, *named);
  add_stack(into, stack);
}

void add_causes(Attributes& into, const model::Stall& stall) {
  for (const auto cause : model::causes_by_size(stall.cause_ns))
    into.emplace_back("asyncio.eventloop.stall.time." + std::string(model::name(cause)),
                      seconds(stall.cause_ns.at(model::index(cause))));
}

void add_task(Attributes& into, const model::Stall& stall) {
  if (!stall.task) return;
  add_text(into, "asyncio.task.name", stall.task->name.value_or(""));
  add_text(into, "asyncio.task.coroutine", stall.task->coroutine);
}

std::string stall_line(const model::Stall& stall, const model::Frame* named) {
  auto text = fmt::format("{}{} in {}", stall.ongoing ? "stalls for " : "stalled for ",
                          format_duration_ns(stall.duration_ns), model::name(output::main_cause(stall)));
  if (named != nullptr) text += ": " + place(*named);
  return clean_for_terminal(valid_utf8(text));
}

std::int64_t unix_ns(std::uint64_t monotonic_ns, std::int64_t offset) {
  return static_cast<std::int64_t>(monotonic_ns) + offset;
}

const model::HangParty* first_of(const std::vector<model::HangParty>& parties) {
  return parties.empty() ? nullptr : &parties.front();
}

std::uint64_t count_of(const std::vector<model::HangParty>& parties) {
  std::uint64_t count = 0;
  for (const auto& party : parties) count += party.count;
  return count;
}

}  // namespace

Event stall_event(const model::Stall& stall, bool unfinished, std::int64_t offset) {
  Event event{.name = "asyncio.eventloop.stall",
              .severity = stall.error ? Severity::error : Severity::warn,
              .unix_ns = unix_ns(stall.start_ns + stall.duration_ns, offset)};
  const auto* segment = output::main_segment(stall);
  const auto* named = segment != nullptr ? output::frame_to_name(*segment) : nullptr;
  event.body = stall_line(stall, named);
  auto& all = event.attributes;
  all.emplace_back("asyncio.eventloop.stall.id", std::to_string(stall.id));
  all.emplace_back("asyncio.eventloop.stall.duration", seconds(stall.duration_ns));
  all.emplace_back("asyncio.eventloop.stall.cause", std::string(model::name(output::main_cause(stall))));
  all.emplace_back("asyncio.eventloop.stall.level", std::string(stall.error ? "error" : "warn"));
  all.emplace_back("asyncio.eventloop.stall.ongoing", stall.ongoing);
  if (unfinished) all.emplace_back("asyncio.eventloop.stall.unfinished", true);
  if (stall.at_least) all.emplace_back("asyncio.eventloop.stall.at_least", true);
  add_causes(all, stall);
  all.emplace_back("asyncio.eventloop.kind", std::string(model::name(stall.loop_kind)));
  if (segment != nullptr && segment->culprit)
    add_text(all, "asyncio.eventloop.stall.culprit", output::culprit_label(*segment->culprit));
  add_task(all, stall);
  if (segment != nullptr && segment->stack) add_place(all, *segment->stack, named);
  all.emplace_back("thread.id", std::int64_t{stall.tid});
  add_text(all, "thread.name", stall.thread);
  return event;
}

Event hang_event(const model::Hang& hang, const model::HangScan& scan, std::int64_t offset) {
  Event event{.name = "asyncio.hang",
              .severity = model::is_final(hang.verdict) ? Severity::error : Severity::warn,
              .unix_ns = unix_ns(scan.time_ns, offset),
              .body = output::hang_headline(hang)};
  auto& all = event.attributes;
  all.emplace_back("asyncio.hang.id", std::to_string(hang.id));
  all.emplace_back("asyncio.hang.verdict", std::string(model::name(hang.verdict)));
  all.emplace_back("asyncio.hang.exact", hang.exact);
  all.emplace_back("asyncio.hang.resource.kind", std::string(model::name(hang.resource.kind)));
  add_text(all, "asyncio.hang.resource.class", hang.resource.class_name);
  add_text(all, "asyncio.hang.resource.name", hang.resource.name);
  all.emplace_back("asyncio.hang.waiting", number(count_of(hang.waiters)));
  if (hang.since_ns && *hang.since_ns <= scan.time_ns)
    all.emplace_back("asyncio.hang.duration", seconds(scan.time_ns - *hang.since_ns));
  if (const auto* waiter = first_of(hang.waiters)) {
    add_text(all, waiter->task ? "asyncio.task.name" : "thread.name", waiter->name);
    add_place(all, waiter->stack, nullptr);
  }
  if (const auto* holder = first_of(hang.holders)) {
    add_text(all, "asyncio.hang.holder.name", holder->name);
    if (!holder->stack.empty()) add_text(all, "asyncio.hang.holder.place", place(holder->stack.front()));
  }
  return event;
}

Event leak_event(const model::Leak& leak, const model::LeakScan& scan, std::int64_t offset) {
  const auto count = leak.count ? std::to_string(*leak.count) : std::string("objects");
  Event event{.name = "asyncio.leak",
              .severity = Severity::warn,
              .unix_ns = unix_ns(scan.time_ns, offset),
              .body = clean_for_terminal(
                  valid_utf8(fmt::format("{} {} of {}", count, model::name(leak.leak_class), leak.place.coroutine)))};
  auto& all = event.attributes;
  all.emplace_back("asyncio.leak.class", std::string(model::name(leak.leak_class)));
  if (leak.count) all.emplace_back("asyncio.leak.count", number(*leak.count));
  if (leak.age_ns) all.emplace_back("asyncio.leak.age", seconds(*leak.age_ns));
  all.emplace_back("asyncio.leak.growing", leak.growing);
  if (leak.growth_per_minute) all.emplace_back("asyncio.leak.growth_per_minute", *leak.growth_per_minute);
  add_text(all, "asyncio.task.coroutine", leak.place.coroutine);
  add_text(all, "asyncio.leak.detail", leak.place.detail);
  const model::Frame definition{.function = leak.place.coroutine, .file = leak.place.file, .line = leak.place.line};
  if (leak.place.stack.empty())
    add_frame(all, definition);
  else
    add_place(all, leak.place.stack, nullptr);
  return event;
}

LeakNews::Key LeakNews::key_of(const model::Leak& leak) {
  const auto& place = leak.place;
  const auto inner = place.stack.empty() ? model::Frame{} : place.stack.front();
  return {leak.leak_class, place.coroutine, place.file, place.line, inner.file, inner.line};
}

std::vector<model::Leak> LeakNews::of(const std::vector<model::Leak>& found) {
  std::vector<model::Leak> news;
  for (const auto& leak : found) {
    if (!leak.leak) continue;
    const auto count = leak.count.value_or(1);
    auto known = reported_.find(key_of(leak));
    if (known != reported_.end() && count < 2 * known->second) continue;
    if (known == reported_.end() && reported_.size() >= kMaxPlaces) continue;
    reported_[key_of(leak)] = count;
    news.push_back(leak);
  }
  return news;
}

}  // namespace aiotrace::app
