#include "output/text/stall.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <numeric>
#include <span>

#include "model/cause.h"
#include "model/frame_origin.h"
#include "output/labels.h"
#include "output/text/stack.h"
#include "output/text/stall_parts.h"
#include "output/text/style.h"
#include "output/text/table.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

using model::Cause;
using model::Segment;
using model::Stall;
using Lines = std::vector<std::string>;

constexpr std::size_t kIndent = 3;
constexpr std::size_t kStackIndent = 5;
constexpr std::size_t kInnerIndent = 7;

std::string level_text(const Stall& stall, const OutputContext& context) {
  return stall.error ? paint("ERROR", Color::red, context) : paint("STALL", Color::yellow, context);
}

std::string task_text(const Stall& stall) {
  if (!stall.task) return "no task";
  std::string task = "task";
  if (stall.task->name) task += " " + clean_for_terminal(*stall.task->name);
  if (!stall.task->coroutine.empty()) task += " (" + clean_for_terminal(stall.task->coroutine) + ")";
  return task;
}

/// Columns of a text that begins with a coloured word: escape sequences take no columns.
std::size_t columns_of(std::string_view text, std::string_view painted, std::string_view plain) {
  return display_width(text) - (display_width(painted) - display_width(plain));
}

std::string header(const Stall& stall, const OutputContext& context) {
  constexpr std::size_t kNarrow = 100;
  constexpr std::size_t kLeastTask = 20;
  const auto level = level_text(stall, context);
  const auto thread = shorten_right(clean_for_terminal(stall.thread), context.columns < kNarrow ? 16 : 32);
  auto line = fmt::format("{}  {}  {}  pid {}", local_time(stall.start_ns, context), level, lasted_text(stall),
                          stall.pid);
  line += thread.empty() ? fmt::format(" thread {}", stall.tid) : " " + thread;
  const auto used = columns_of(line, level, "ERROR") + 2;
  const auto room = context.columns > used + kLeastTask ? context.columns - used : kLeastTask;
  return line + "  " + shorten_right(task_text(stall), room);
}

struct CausePiece {
  Cause cause;
  std::string text;
  std::string description;
};

/// All causes, largest first; large ones with the system call and culprit that have most of their time.
std::vector<CausePiece> cause_pieces(const Stall& stall, const std::vector<StallGroup>& groups) {
  std::vector<CausePiece> pieces;
  for (const auto cause : model::causes_by_size(stall.cause_ns)) {
    const auto ns = stall.cause_ns[model::index(cause)];
    auto& piece = pieces.emplace_back(cause, fmt::format("{} {}", model::name(cause), format_ms_ns(ns)), std::string());
    const auto main = std::ranges::find_if(groups, [cause](const auto& one) { return one.largest->cause == cause; });
    if (main != groups.end() && main->ns >= ns / 2 && ns >= worth_showing_ns(stall))
      piece.description = describe(*main->largest);
  }
  return pieces;
}

/// The end of a path or an address is most informative; for processes that ran instead, the beginning.
std::string shortened_description(const CausePiece& piece, std::size_t columns) {
  const bool sentence = piece.cause == Cause::cpu_wait || piece.cause == Cause::gil;
  return sentence ? shorten_right(piece.description, columns) : shorten_left(piece.description, columns);
}

/// One line: causes that do not fit are left out, from the smallest on; the description of the largest cause is
/// shortened to fit.
std::string cause_line(const Stall& stall, const std::vector<StallGroup>& groups, const OutputContext& context) {
  constexpr std::size_t kGap = 3;
  constexpr std::size_t kLeastDescription = 16;
  constexpr std::size_t kMostDescription = 70;
  const auto pieces = cause_pieces(stall, groups);
  std::string line(kIndent - kGap, ' ');
  std::size_t used = line.size();
  for (const auto& piece : pieces) {
    const auto own = kGap + display_width(piece.text);
    if (used + own > context.columns) break;
    line += std::string(kGap, ' ') + piece.text;
    used += own;
    if (piece.description.empty() || used + 2 >= context.columns) continue;
    const auto room = std::min(context.columns - used - 2, kMostDescription);
    const bool fits = display_width(piece.description) <= room;
    if (!fits && (&piece != &pieces.front() || room < kLeastDescription)) continue;
    const auto shown = shortened_description(piece, room);
    line += "  " + shown;
    used += 2 + display_width(shown);
  }
  return paint(line, Color::cyan, context);
}

/// The times of a part by cause: "in python 93.0 ms, gil 10.2 ms", "in file 20.1 ms  fsync /var/log/app.log".
std::string part_line(const StallPart& part, const OutputContext& context) {
  std::array<std::uint64_t, model::kCauses> ns{};
  for (const auto& group : part.groups) ns[model::index(group.largest->cause)] += group.ns;
  constexpr std::uint64_t kShown = 20;
  std::string text = "in ";
  for (const auto cause : model::causes_by_size(ns)) {
    const auto of_cause = ns.at(model::index(cause));
    if (of_cause < part.ns / kShown) break;
    text += fmt::format("{}{} {}", text.size() > 3 ? ", " : "", model::name(cause), format_ms_ns(of_cause));
  }
  if (part.groups.size() == 1) {
    if (const auto what = describe(part.largest()); !what.empty()) text += "  " + what;
  }
  return std::string(kIndent, ' ') + shorten_right(text, context.columns - kIndent);
}

Lines stack_of(const Segment& segment, model::LoopKind loop, std::size_t most, const OutputContext& context) {
  const std::string margin(kStackIndent, ' ');
  Lines lines;
  if (segment.stack && !segment.stack->empty()) {
    lines = folded_stack_lines(*segment.stack, kStackIndent, most, context);
  } else if (!segment.stack_unreadable) {
    const bool plain = loop == model::LoopKind::other && segment.cause != Cause::unknown;
    lines.push_back(margin + (plain ? "(no Python stack; --native shows the native one)"
                                    : std::string(no_stack_label(segment.cause))));
  }
  if (!context.verbose && lines.size() >= most) return lines;
  if (segment.stack_unreadable) lines.push_back(margin + "(the stack could not be read any further)");
  if (segment.stack_too_deep) lines.push_back(margin + "(deeper than can be read: the outermost frames are missing)");
  return lines;
}

/// The thread for which the part waited, with its stack.
struct HolderOf {
  const model::Stack* stack = nullptr;
  std::string_view heading;
};

std::optional<HolderOf> with_holder(const StallPart& part) {
  for (const auto& group : part.groups) {
    const auto& culprit = group.largest->culprit;
    const auto* gil = model::culprit_as<model::GilHolder>(culprit);
    if (gil != nullptr && !gil->stack.empty())
      return HolderOf{&gil->stack, "meanwhile the thread that held the GIL ran"};
    const auto* lock = model::culprit_as<model::LockAt>(culprit);
    if (lock != nullptr && lock->holder && !lock->holder->stack.empty())
      return HolderOf{&lock->holder->stack, "meanwhile the thread that holds the lock was in"};
  }
  return std::nullopt;
}

bool has_holder(const StallPart& part) { return with_holder(part).has_value(); }

struct ThreadsAt {
  const Stall::OtherThread* first = nullptr;
  std::size_t threads = 0;
};

/// Threads at the same place are merged: the idle threads of an executor.
std::vector<ThreadsAt> places_of_threads(const Stall& stall) {
  std::vector<ThreadsAt> places;
  for (const auto& thread : stall.other_threads) {
    const auto same = [&thread](const ThreadsAt& at) {
      const auto* a = model::own_frame(at.first->stack);
      const auto* b = model::own_frame(thread.stack);
      return a == b || (a != nullptr && b != nullptr && *a == *b);
    };
    const auto known = std::ranges::find_if(places, same);
    if (known == places.end()) {
      places.push_back({.first = &thread, .threads = 1});
    } else {
      ++known->threads;
    }
  }
  return places;
}

std::string thread_line(const ThreadsAt& at, const OutputContext& context) {
  auto text = at.threads > 1
                  ? fmt::format("meanwhile {} threads", at.threads)
                  : fmt::format("meanwhile thread {} ({})", at.first->tid, clean_for_terminal(at.first->thread));
  if (const auto* frame = model::own_frame(at.first->stack)) {
    text += " in " + clean_for_terminal(frame->function.empty() ? "?" : frame->function);
    const auto place = place_text(frame->file, frame->line);
    const auto used = kIndent + display_width(text) + 2;
    constexpr std::size_t kLeastPlace = 12;
    if (!place.empty() && used + kLeastPlace <= context.columns)
      text += "  " + shorten_left(place, context.columns - used);
  }
  return std::string(kIndent, ' ') + shorten_right(text, context.columns - kIndent);
}

Lines other_threads(const Stall& stall, std::size_t most, const OutputContext& context) {
  Lines lines;
  if (context.verbose) {
    for (const auto& [tid, thread, stack] : stall.other_threads) {
      lines.push_back(fmt::format("   meanwhile thread {} ({})", tid, clean_for_terminal(thread)));
      std::ranges::move(stack_lines(stack, kStackIndent, context), std::back_inserter(lines));
    }
    return lines;
  }
  const auto places = places_of_threads(stall);
  const auto shown = places.size() <= most ? places.size() : most - std::min<std::size_t>(most, 1);
  for (const auto& at : std::span(places).first(shown)) lines.push_back(thread_line(at, context));
  std::uint64_t others = 0;
  for (const auto& at : std::span(places).subspan(shown)) others += at.threads;
  if (others != 0 && most != 0) lines.push_back("   … " + plural(others, "other thread"));
  return lines;
}

// "held up 312 tasks, 41 timers late by up to 180 ms".
std::string held_up_text(const model::HeldUp& held) {
  std::string text;
  if (held.tasks.value_or(0) != 0) text = plural(*held.tasks, "task");
  if (held.timers.value_or(0) != 0) {
    text += fmt::format("{}{}{} late by up to {}", text.empty() ? "" : ", ", held.more_timers ? "at least " : "",
                        plural(*held.timers, "timer"), format_duration_ns(held.timers_late_ns));
  }
  return "   held up " + text;
}

Lines notes_of(const Stall& stall, const OutputContext& context) {
  Lines notes;
  if (stall.held_up.anybody()) notes.push_back(held_up_text(stall.held_up));
  if (stall.callbacks)
    notes.push_back(fmt::format("   no long callback: {} or more of them, the longest {}",
                                format_count(stall.callbacks->count), format_duration_ns(stall.callbacks->longest_ns)));
  if (stall.losses != 0)
    notes.push_back(fmt::format("   {} record{} of this stall {} lost: stacks or its task may be missing",
                                format_count(stall.losses), stall.losses == 1 ? "" : "s",
                                stall.losses == 1 ? "was" : "were"));
  for (auto& note : notes) note = paint(shorten_right(note, context.columns), Color::yellow, context);
  return notes;
}

/// The stacks of a stall in at most `most` lines.
Lines part_lines(const Stall& stall, const std::vector<StallPart>& parts, bool all, std::size_t most,
                 const OutputContext& context) {
  const auto holder_at = std::ranges::find_if(parts, has_holder);
  const bool labels = parts.size() > 1 || !all;
  // Each stack and the holder's stack share the lines that remain.
  auto stacks = parts.size() + (holder_at == parts.end() ? 0 : 1);
  auto left = most - std::min(most, (labels ? parts.size() : 0) + (holder_at == parts.end() ? 0 : 1));
  const auto take = [&] {
    const auto share = std::max<std::size_t>(1, (left + stacks - 1) / std::max<std::size_t>(stacks, 1));
    --stacks;
    return share;
  };
  Lines lines;
  const auto append = [&](Lines more) {
    left -= std::min(left, more.size());
    std::ranges::move(more, std::back_inserter(lines));
  };
  for (auto part = parts.begin(); part != parts.end(); ++part) {
    if (labels) lines.push_back(part_line(*part, context));
    append(stack_of(part->largest(), stall.loop_kind, take(), context));
    const auto held = with_holder(*part);
    if (!held || (part != holder_at && !context.verbose)) continue;
    lines.push_back(std::string(kStackIndent, ' ') + std::string(held->heading));
    append(folded_stack_lines(*held->stack, kInnerIndent, context.verbose ? 0 : take(), context));
  }
  return lines;
}

}  // namespace

std::string lasted_text(const Stall& stall) {
  return fmt::format("{}{}{}", stall.at_least && !stall.start_known ? "≥ " : "", format_duration_ns(stall.duration_ns),
                     stall.ongoing ? ", still running" : "");
}

std::vector<std::string> stall_lines(const Stall& stall, const OutputContext& context) {
  constexpr std::size_t kMostParts = 2;
  constexpr std::size_t kMostThreads = 4;
  const auto groups = groups_of(stall);
  Lines lines{header(stall, context), cause_line(stall, groups, context)};
  if (stall.start_known)
    lines.insert(lines.begin() + 1, paint("   began before aiotrace was attached; its causes are known from then on",
                                          Color::yellow, context));
  auto parts = parts_of(groups, stall, context);
  if (parts.size() > kMostParts && !context.verbose) parts.resize(kMostParts);
  const bool all = !parts.empty() && parts.front().ns + worth_showing_ns(stall) >= stall.duration_ns;
  const auto notes = notes_of(stall, context);
  const auto fixed = lines.size() + notes.size();
  // At least a line with the time and one with a frame, for each part and for the holder of the GIL.
  const auto least = fixed + 2 * (parts.size() + (std::ranges::any_of(parts, has_holder) ? 1 : 0));
  const auto threads = other_threads(stall, std::min(kMostThreads, kStallLines - std::min(kStallLines, least)),
                                     context);
  std::ranges::move(part_lines(stall, parts, all, kStallLines - fixed - std::min(kMostThreads, threads.size()),
                               context),
                    std::back_inserter(lines));
  std::ranges::copy(threads, std::back_inserter(lines));
  std::ranges::copy(notes, std::back_inserter(lines));
  return lines;
}

std::string stall_line(const Stall& stall, std::string_view lasted, std::string_view lead, bool with_pid,
                       const OutputContext& context) {
  const auto level = level_text(stall, context);
  auto line = fmt::format("{}  {}  {}  ", local_time(stall.start_ns, context), level, lasted);
  if (with_pid) line += fmt::format("pid {}  ", stall.pid);
  line += fmt::format("{}{}", lead, model::name(main_cause(stall)));
  const auto* segment = main_segment(stall);
  const auto* frame = segment == nullptr ? nullptr : frame_to_name(*segment);
  constexpr std::string_view kIn = " in ";
  const auto used = columns_of(line, level, "ERROR") + kIn.size();
  if (frame == nullptr || used >= context.columns) return line;
  line += kIn;
  return line + fitted(clean_for_terminal(frame->function.empty() ? "?" : frame->function),
                       place_text(frame->file, frame->line), {}, context.columns - used);
}

}  // namespace aiotrace::output
