#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "output/text/hangs.h"
#include "output/text/stack.h"
#include "output/text/style.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

using model::Hang;
using model::HangParty;
using model::HangVerdict;

constexpr std::size_t kName = 40;
constexpr std::size_t kIndent = 3;
constexpr std::size_t kStackIndent = 6;
// Groups of waiters in which nothing is proved.
constexpr std::size_t kMaxUnproved = 5;

std::uint64_t count(std::span<const HangParty> parties, bool tasks) {
  std::uint64_t sum = 0;
  for (const HangParty& party : parties) sum += party.task == tasks ? party.count : 0;
  return sum;
}

// "44 tasks and 10 threads".
std::string crowd(std::span<const HangParty> parties) {
  const auto tasks = count(parties, true);
  const auto threads = count(parties, false);
  std::string text = tasks != 0 ? plural(tasks, "task") : "";
  if (threads != 0) text += (text.empty() ? "" : " and ") + plural(threads, "thread");
  return text;
}

bool one(std::span<const HangParty> parties) { return count(parties, true) + count(parties, false) == 1; }

// What a holder does, in a word or two; empty: it waits.
std::string doing(const HangParty& holder) {
  std::string text(model::name(holder.state));
  if (holder.state == model::PartyState::waiting && !holder.waits_for.empty())
    text += " for " + clean_for_terminal(holder.waits_for);
  return text;
}

std::string more(std::uint64_t left_off) { return left_off != 0 ? fmt::format(" and {} more", left_off) : ""; }

std::string sentence(const Hang& hang) {
  const std::string what = resource_text(hang.resource);
  const std::string who = crowd(hang.waiters);
  const std::string wait = one(hang.waiters) ? " waits" : " wait";
  const auto in_ring = std::span(hang.waiters).first(std::min(hang.ring.size(), hang.waiters.size()));
  switch (hang.verdict) {
    case HangVerdict::deadlock:
      if (in_ring.size() == 1 && hang.holders.size() > 1)
        return fmt::format("all {} who have {} wait for it themselves", hang.holders.size(), what);
      return in_ring.size() == 1 ? party_name(in_ring.front()) + " waits for what it holds itself: " + what
                                 : crowd(in_ring) + more(hang.ring_more) + " wait for each other";
    case HangVerdict::self_wait: return "the loop's thread waits for what only its own loop can finish: " + what;
    case HangVerdict::unresolvable: return who + wait + " for " + what + " that nobody can set";
    case HangVerdict::abandoned: return who + wait + " for " + what + ": taken, and no living task or thread holds it";
    case HangVerdict::cancel_ignored:
      return (hang.holders.empty() ? "a task" : party_name(hang.holders.front())) + " was cancelled, but goes on; " +
             who + wait + " for its end";
    case HangVerdict::pipe: return who + wait + " for a child that waits for it to read " + what;
    case HangVerdict::exhausted: return who + wait + " for " + what + ": all in use";
    case HangVerdict::held: {
      const HangParty& holder = hang.holders.front();
      const bool may = holder.how == model::HoldHow::refers;
      std::string text = who + wait + " for " + what + (may ? ", perhaps held by " : ", held by ") + party_name(holder);
      return text + more(hang.holders.size() - 1) + " (" + doing(holder) + ")";
    }
    case HangVerdict::waiting: break;
  }
  return who + wait + " for " + what;
}

class Lines {
 public:
  explicit Lines(const OutputContext& context) : context_(context) {}

  // `word` is the first one but for what comes before it. What the text is about may stand at its end.
  void add_heading(std::string_view before, std::string_view word, const Hang& hang, std::string_view text) {
    lines_ = wrapped(text, fmt::format("{}{}  ", before, word), context_);
    const auto color = model::is_final(hang.verdict) ? Color::red : Color::yellow;
    lines_.front().replace(before.size(), word.size(), paint(word, color, context_));
  }

  void add(std::string_view line) { lines_.push_back(shorten_right(line, context_.columns)); }

  void add_party(const std::string& text, const model::Stack& stack, std::size_t frames) {
    add(std::string(kIndent, ' ') + text);
    if (frames == 0 || stack.empty()) return;
    const auto more = context_.verbose ? stack_lines(stack, kStackIndent, context_)
                                       : folded_stack_lines(stack, kStackIndent, frames, context_);
    lines_.insert(lines_.end(), more.begin(), more.end());
  }

  std::vector<std::string> take() {
    if (!context_.verbose && lines_.size() > kMaxHangLines) {
      lines_.resize(kMaxHangLines - 1);
      lines_.push_back(std::string(kIndent, ' ') + "… (-v shows all)");
    }
    return std::move(lines_);
  }

 private:
  const OutputContext& context_;
  std::vector<std::string> lines_;
};

void add_ring(const Hang& hang, Lines& lines) {
  const std::size_t ring = std::min(hang.ring.size(), hang.waiters.size());
  const std::size_t frames = ring <= 2 ? 3 : ring <= 4 ? 1 : 0;
  for (std::size_t i = 0; i < ring; ++i) {
    const HangParty& party = hang.waiters[i];
    const std::string wants = party.waits_for.empty() ? "its loop's thread" : clean_for_terminal(party.waits_for);
    const bool cut = hang.ring_more != 0 && i + 1 == ring;
    const std::string holder = cut ? "the first of those that are not shown" : party_name(hang.waiters[(i + 1) % ring]);
    lines.add_party(fmt::format("{} waits for {}, held by {}", party_name(party), wants, holder), party.stack, frames);
  }
  const auto behind = std::span(hang.waiters).subspan(ring);
  if (behind.empty()) return;
  lines.add_party(crowd(behind) + (one(behind) ? " more waits behind them" : " more wait behind them"),
                  behind.front().stack, 1);
}

void add_waiters(const Hang& hang, Lines& lines) {
  constexpr std::size_t kGroups = 3;
  for (const HangParty& party : std::span(hang.waiters).first(std::min(hang.waiters.size(), kGroups))) {
    const std::string who = party.count == 1
                                ? party_name(party)
                                : plural(party.count, party.task ? "task" : "thread") + " like " + party_name(party);
    lines.add_party(who, party.stack, 2);
  }
}

bool alike(const HangParty& a, const HangParty& b) {
  return a.task == b.task && a.how == b.how && a.state == b.state && a.waits_for == b.waits_for && a.stack == b.stack;
}

// Those that do the same at the same place are one.
void add_holders(const Hang& hang, Lines& lines) {
  constexpr std::size_t kGroups = 2;
  std::vector<std::pair<const HangParty*, std::uint64_t>> groups;
  for (const HangParty& party : hang.holders) {
    const auto same = std::ranges::find_if(groups, [&](const auto& group) { return alike(*group.first, party); });
    if (same == groups.end())
      groups.emplace_back(&party, party.count);
    else
      same->second += party.count;
  }
  if (groups.size() > kGroups) groups.resize(kGroups);
  for (const auto& [party, count] : groups) {
    const bool may = party->how == model::HoldHow::refers;
    const bool itself = hang.verdict == HangVerdict::cancel_ignored;  // no holder of something
    const std::string one_does = itself ? ": " : may ? " may hold it: " : " holds it: ";
    const std::string who = count == 1 ? party_name(*party) + one_does
                                       : plural(count, party->task ? "task" : "thread") + " like " +
                                             party_name(*party) + (may ? " may hold it: " : " hold it: ");
    lines.add_party(who + doing(*party), party->stack, 2);
  }
}

std::vector<std::string> with_parties(const Hang& hang, Lines lines) {
  if (!hang.ring.empty()) {
    add_ring(hang, lines);
  } else {
    add_holders(hang, lines);
    add_waiters(hang, lines);
  }
  return lines.take();
}

}  // namespace

std::string party_name(const HangParty& party) {
  const std::string name = shorten_right(clean_for_terminal(party.name), kName);
  if (party.task) return name.empty() ? "a task" : name;
  return "thread " + (name.empty() ? std::to_string(party.tid) : name);
}

std::string resource_text(const model::HangResource& resource) {
  std::string text(model::name(resource.kind));
  if (resource.kind == model::ResourceKind::future && resource.class_name.ends_with("Task")) text = "task";
  if (!resource.name.empty() && resource.name != text)
    text += " " + shorten_left(clean_for_terminal(resource.name), kName);
  else if (!resource.class_name.empty())
    text += " (" + clean_for_terminal(resource.class_name) + ")";
  const auto* taken = resource.kind == model::ResourceKind::executor ? "busy" : "out";
  if (resource.capacity && resource.out) text += fmt::format(", {} of {} {}", *resource.out, *resource.capacity, taken);
  return text;
}

std::string hang_headline(const Hang& hang) {
  const bool concluded = model::is_final(hang.verdict) && !hang.exact;
  return std::string(model::name(hang.verdict)) + (concluded ? " (inferred): " : ": ") + sentence(hang);
}

std::vector<std::string> hang_lines(const Hang& hang, const OutputContext& context) {
  Lines lines(context);
  lines.add_heading("", "VERDICT", hang, hang_headline(hang));
  return with_parties(hang, std::move(lines));
}

std::vector<std::string> hang_block_lines(const Hang& hang, const model::HangScan& scan, const OutputContext& context) {
  Lines lines(context);
  lines.add_heading(local_time(scan.time_ns, context) + "  ", "HANG", hang,
                    fmt::format("pid {}: {}", scan.pid, hang_headline(hang)));
  auto all = with_parties(hang, std::move(lines));
  // What was not read may wait, or hold.
  if (scan.unreadable != 0 || scan.torn) all.emplace_back("   (some tasks could not be read)");
  return all;
}

std::vector<std::string> hang_look_lines(const std::vector<Hang>& hangs, const model::HangScan& scan,
                                         const OutputContext& context) {
  std::vector<std::string> lines;
  std::size_t unproved = 0, left = 0;
  const bool found = std::ranges::any_of(hangs, [](const Hang& each) { return model::is_final(each.verdict); });
  if (!found)
    lines.emplace_back(hangs.empty() ? "no wait for another task or thread, nor for what one holds, was found; waits "
                                       "for sockets, processes and timers are not judged"
                                     : "nothing is proved to hang; the largest waits:");
  for (const Hang& hang : hangs) {
    const bool small = hang.resource.kind == model::ResourceKind::future && one(hang.waiters) &&
                       hang.verdict != HangVerdict::cancel_ignored;
    const bool shown = context.verbose || model::is_final(hang.verdict) || (!small && ++unproved <= kMaxUnproved);
    if (!shown) {
      ++left;
      continue;
    }
    const auto more = hang_lines(hang, context);
    lines.insert(lines.end(), more.begin(), more.end());
  }
  // What was not read may wait, or hold.
  if (scan.unreadable != 0)
    lines.push_back(plural(scan.unreadable, "task") + " could not be read, and may wait or hold");
  if (scan.torn) lines.emplace_back("the list of tasks could not be read to its end: some may be missing");
  if (left != 0) lines.push_back(plural(left, "more wait") + " in which nothing is proved (-v shows all)");
  return lines;
}

}  // namespace aiotrace::output
