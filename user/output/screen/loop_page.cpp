#include "output/screen/loop_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "model/cause.h"
#include "model/frame_origin.h"
#include "output/screen/top_cells.h"
#include "output/text/hangs.h"
#include "output/text/stack.h"
#include "output/text/stall.h"
#include "output/text/style.h"
#include "output/text/tasks.h"
#include "util/duration.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

constexpr std::size_t kPlaces = 10;
constexpr std::size_t kGroups = 100;

class Lines {
 public:
  void heading(std::string text) {
    if (!lines_.empty()) lines_.push_back({});
    lines_.push_back({std::move(text), Ink::strong});
  }
  void add(std::string text, Ink ink = Ink::plain) { lines_.push_back({std::move(text), ink}); }
  void add_all(const std::vector<std::string>& texts) {
    for (const auto& text : texts) add(text);
  }
  std::vector<PageLine> take() { return std::move(lines_); }

 private:
  std::vector<PageLine> lines_;
};

void add_row(Lines& lines, const LoopDetails& details) {
  if (!details.row) {
    lines.add("its thread has ended", Ink::dim);
    return;
  }
  const auto& row = *details.row;
  lines.add(fmt::format("busy {}, {} iterations/s, p99 {}, longest {}", short_share(row.busy),
                        short_rate(row.iterations_per_s), short_duration(row.p99_ns), short_duration(row.longest_ns)));
  lines.add(fmt::format("{} ready; of the process: {} tasks, {} leaks", short_count(row.ready),
                        short_count(row.looks.tasks), short_count(row.looks.leaks)));
  if (row.ongoing_ns != 0) lines.add("a stall goes on since " + short_duration(row.ongoing_ns), Ink::error);
}

void add_stack(Lines& lines, const LoopDetails& details, const OutputContext& context) {
  constexpr std::size_t kFrames = 12;
  constexpr std::size_t kIndent = 3;
  lines.heading("Now");
  if (!details.look) {
    lines.add("  is being read", Ink::dim);
    return;
  }
  const auto& look = *details.look;
  if (look.in_poll) lines.add("  it waits in its poll: nothing to run");
  if (!look.stack)
    lines.add("  its stack could not be read", Ink::dim);
  else if (!look.in_poll)
    lines.add_all(folded_stack_lines(*look.stack, kIndent, kFrames, context));
}

void add_hangs(Lines& lines, const LoopDetails& details, const OutputContext& context) {
  if (!details.hangs || details.hangs->hangs.empty()) return;
  lines.heading("Hangs (of the process)");
  for (const auto& hang : details.hangs->hangs) lines.add_all(hang_lines(hang, context));
}

void add_stalls(Lines& lines, const LoopDetails& details, const OutputContext& context) {
  lines.heading("Latest stalls");
  if (details.stalls.empty()) lines.add("  none was seen", Ink::dim);
  for (const auto* stall : details.stalls) lines.add_all(stall_lines(*stall, context));
}

void add_places(Lines& lines, const LoopDetails& details, const OutputContext& context) {
  lines.heading("Worst places");
  if (details.places.empty()) lines.add("  none", Ink::dim);
  for (std::size_t i = 0; i < std::min(kPlaces, details.places.size()); ++i) {
    const auto& place = details.places[i];
    const auto what = place.function.empty() ? std::string("(no stack)") : clean_for_terminal(place.function);
    lines.add(shorten_right(fmt::format("  {:>8}  {:>6}  {:<9}  {}  {}  {}", short_duration(place.ns),
                                        fmt::format("{}x", place.stalls), model::name(place.cause), what,
                                        place_text(place.file, place.line), clean_for_terminal(place.syscall)),
                            context.columns));
  }
}

std::string group_text(const model::TaskGroup& group) {
  auto wait = group.first.waits_for;
  if (group.count > 1) {  // data of the first only
    wait.left_ns.reset();
    wait.fd.reset();
    wait.child_pid.reset();
    wait.queue_size.reset();
  }
  const auto* frame = model::own_frame(group.first.stack);
  const auto where = frame != nullptr ? place_text(frame->file, frame->line)
                                      : place_text(group.first.file, group.first.line);
  const auto name = group.count == 1 && !group.first.name.empty() ? clean_for_terminal(group.first.name) + "  " : "";
  const auto state = group.first.state == "pending" ? wait_text(wait) : group.first.state;
  return fmt::format("  {:>6}  {}{}  {}  {}", group.count, name, clean_for_terminal(group.first.coroutine), where,
                     state);
}

void add_tasks(Lines& lines, const LoopDetails& details, const OutputContext& context) {
  if (!details.look) return;
  const auto& look = *details.look;
  lines.heading(look.problem.empty() ? "Tasks: " + format_count(look.tasks) : "Tasks");
  if (!look.problem.empty()) lines.add("  " + look.problem, Ink::dim);
  const auto shown = std::min(kGroups, look.groups.size());
  for (std::size_t i = 0; i < shown; ++i) lines.add(shorten_right(group_text(look.groups[i]), context.columns));
  if (const auto more = look.groups.size() - shown + look.more_groups; more != 0)
    lines.add(fmt::format("  … and {} more places", format_count(more)), Ink::dim);
  if (look.torn) lines.add("  the tasks changed while they were read: some may be missing", Ink::dim);
}

}  // namespace

std::vector<PageLine> loop_page(const LoopDetails& details, const OutputContext& context) {
  Lines lines;
  add_row(lines, details);
  add_stack(lines, details, context);
  add_hangs(lines, details, context);
  add_places(lines, details, context);
  add_stalls(lines, details, context);
  add_tasks(lines, details, context);
  return lines.take();
}

}  // namespace aiotrace::output
