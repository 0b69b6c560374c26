#include "output/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <numeric>

#include "model/cause.h"
#include "output/style.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

using model::Cause;
using model::Segment;
using model::Stall;

// A part of a stall that is worth a stack of its own: a tenth of it, and no more than three.
constexpr std::uint64_t kWorthTelling = 10;
constexpr std::size_t kMostStacks = 3;

/// Segments that a person takes for the same: they differ in the lines of their frames only, as samples of one loop do.
struct Group {
  const Segment* largest = nullptr;
  std::uint64_t ns = 0;
};

bool same_to_a_person(const Segment& a, const Segment& b) {
  if (a.cause != b.cause || a.syscall != b.syscall || a.culprit != b.culprit) return false;
  if (a.stack.has_value() != b.stack.has_value()) return false;
  if (!a.stack) return true;
  return std::equal(a.stack->begin(), a.stack->end(), b.stack->begin(), b.stack->end(),
                    [](const auto& x, const auto& y) { return x.function == y.function && x.file == y.file; });
}

std::vector<Group> groups_of(const Stall& stall) {
  std::vector<Group> groups;
  for (const auto& segment : stall.segments) {
    const auto same = [&segment](const Group& group) { return same_to_a_person(*group.largest, segment); };
    const auto known = std::find_if(groups.begin(), groups.end(), same);
    if (known == groups.end()) {
      groups.push_back({&segment, segment.ns});
    } else {
      known->ns += segment.ns;
    }
  }
  std::stable_sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) { return a.ns > b.ns; });
  return groups;
}

std::string header(const Stall& stall, const OutputContext& context) {
  const auto level = stall.error ? paint("ERROR", Color::red, context) : paint("STALL", Color::yellow, context);
  const auto lasted = fmt::format("{}{}{}", stall.at_least && !stall.start_known ? "≥ " : "",
                                  format_duration_ns(stall.duration_ns), stall.ongoing ? ", still running" : "");
  constexpr std::size_t kThread = 32;
  const auto thread = shorten_right(clean_for_terminal(stall.thread), kThread);
  auto line = fmt::format("{}  {}  {}  pid {}", local_time(stall.start_ns, context), level, lasted, stall.pid);
  line += thread.empty() ? fmt::format(" thread {}", stall.tid) : " " + thread;
  if (!stall.task) return line + "  no task";
  std::string task = "task";
  if (stall.task->name) task += " " + clean_for_terminal(*stall.task->name);
  if (!stall.task->coroutine.empty()) task += " (" + clean_for_terminal(stall.task->coroutine) + ")";
  // Escape sequences take no columns.
  const auto plain = display_width(line) - (display_width(level) - display_width("ERROR"));
  constexpr std::size_t kLeast = 24;
  const auto room = context.columns > plain + 2 + kLeast ? context.columns - plain - 2 : kLeast;
  return line + "  " + shorten_right(task, room);
}

// All causes, largest first, each with the system call and culprit that hold most of it.
std::vector<std::string> cause_lines(const Stall& stall, const std::vector<Group>& groups,
                                     const OutputContext& context) {
  constexpr std::size_t kIndent = 3;
  constexpr std::size_t kGap = 3;
  constexpr std::size_t kDescription = 70;
  std::vector<std::size_t> order(model::kCauses);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&stall](std::size_t a, std::size_t b) { return stall.cause_ns[a] > stall.cause_ns[b]; });
  std::vector<std::string> pieces;
  for (const auto i : order) {
    const auto ns = stall.cause_ns[i];
    if (ns == 0) break;
    const auto cause = static_cast<Cause>(i);
    auto piece = fmt::format("{} {}", model::name(cause), format_ms_ns(ns));
    const auto main = std::find_if(groups.begin(), groups.end(),
                                   [cause](const Group& group) { return group.largest->cause == cause; });
    if (main != groups.end() && main->ns >= ns / 2 && ns >= stall.duration_ns / kWorthTelling) {
      const auto description = shorten_left(describe(*main->largest), kDescription);
      if (!description.empty()) piece += "  " + description;
    }
    pieces.push_back(std::move(piece));
  }
  auto lines = flow(pieces, kIndent, kGap, context);
  for (auto& line : lines) line = paint(line, Color::cyan, context);
  return lines;
}

void append(std::vector<std::string>& lines, std::vector<std::string> more) {
  lines.insert(lines.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

void append_stack(std::vector<std::string>& lines, const Segment& segment, model::LoopKind loop,
                  const OutputContext& context) {
  constexpr std::size_t kIndent = 5;
  const std::string margin(kIndent, ' ');
  if (segment.stack && !segment.stack->empty()) {
    append(lines, stack_lines(*segment.stack, kIndent, context));
  } else if (!segment.stack_unreadable) {
    lines.push_back(margin + (loop == model::LoopKind::other ? "(no Python stack; --native shows the native one)"
                                                             : "(no Python stack)"));
  }
  if (segment.stack_unreadable) lines.push_back(margin + "(the stack could not be read any further)");
  if (segment.stack_too_deep) lines.push_back(margin + "(deeper than can be read: the outermost frames are missing)");
  if (segment.cause == Cause::gil && segment.culprit && !segment.culprit->stack.empty()) {
    constexpr std::size_t kHolderIndent = 7;
    lines.push_back(margin + "meanwhile the thread that held the GIL ran");
    append(lines, stack_lines(segment.culprit->stack, kHolderIndent, context));
  }
}

}  // namespace

std::vector<std::string> stall_lines(const Stall& stall, const OutputContext& context) {
  const auto groups = groups_of(stall);
  std::vector<std::string> lines{header(stall, context)};
  if (stall.start_known)
    lines.push_back(
        paint("   began before aiotrace came, by the loop's own clock: what it does since counts for all of it",
              Color::yellow, context));
  append(lines, cause_lines(stall, groups, context));
  const auto worth = [&](const Group& group) { return group.ns >= stall.duration_ns / kWorthTelling; };
  const auto told = std::max<std::size_t>(
      std::min<std::size_t>(kMostStacks, static_cast<std::size_t>(std::count_if(groups.begin(), groups.end(), worth))),
      1);
  for (std::size_t i = 0; i < std::min(told, groups.size()); ++i) {
    const auto& group = groups[i];
    if (told > 1) {
      constexpr std::size_t kUsed = 30;
      const auto room = std::max<std::size_t>(context.columns, 2 * kUsed) - kUsed;
      const auto what = shorten_left(describe(*group.largest), room);
      lines.push_back(fmt::format("   in {} {}{}{}", model::name(group.largest->cause), format_ms_ns(group.ns),
                                  what.empty() ? "" : "  ", what));
    }
    append_stack(lines, *group.largest, stall.loop_kind, context);
  }
  constexpr std::size_t kOtherIndent = 5;
  for (const auto& [tid, thread, stack] : stall.other_threads) {
    lines.push_back(fmt::format("   meanwhile thread {} ({})", tid, clean_for_terminal(thread)));
    append(lines, stack_lines(stack, kOtherIndent, context));
  }
  if (stall.callbacks) {
    lines.push_back(
        paint(fmt::format("   no long callback: {} or more of them, the longest {}",
                          format_count(stall.callbacks->count), format_duration_ns(stall.callbacks->longest_ns)),
              Color::yellow, context));
  }
  if (stall.losses != 0) {
    lines.push_back(paint(fmt::format("   {} records of this stall were lost: stacks or its task may be missing",
                                      format_count(stall.losses)),
                          Color::yellow, context));
  }
  return lines;
}

Status TextOutput::write(const std::vector<std::string>& lines) {
  for (const auto& line : lines) {
    if (auto status = sink_.write_line(line); !status) return status;
  }
  return {};
}

}  // namespace aiotrace::output
