#include "output/text/leaks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>

#include "output/text/stack.h"
#include "output/text/style.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

std::string age_text(const model::Leak& leak) {
  if (leak.leak_class == model::LeakClass::dropped) return "over";
  if (!leak.age_ns) {
    if (!leak.generation) return "seen once";
    constexpr std::array<const char*, 3> kSurvived = {"made since the last garbage collection",
                                                      "has outlived a garbage collection",
                                                      "has outlived several garbage collections"};
    return fmt::format("seen once, {}", kSurvived[std::min<std::size_t>(*leak.generation, kSurvived.size() - 1)]);
  }
  return fmt::format("{}{}", leak.age_known ? "" : "≥ ", format_duration_ns(*leak.age_ns));
}

std::string growth_text(const model::Leak& leak) {
  if (!leak.growth_per_minute || *leak.growth_per_minute == 0) return {};
  return fmt::format("  {:+.3g}/min{}", *leak.growth_per_minute, leak.growing ? ", in every scan" : "");
}

}  // namespace

std::string leaks_heading(const std::vector<model::Leak>& leaks, std::uint64_t not_judged) {
  constexpr std::uint64_t kSecondNs = 1'000'000'000;
  if (std::ranges::any_of(leaks, &model::Leak::leak)) return "Leaks";
  const auto counts = model::count_leaks(leaks, false);
  std::uint64_t all = 0;
  std::string classes;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    all += counts[i];
    classes += fmt::format("{}{}", classes.empty() ? "" : ", ", model::name(static_cast<model::LeakClass>(i)));
  }
  std::string text = "Leaks: none";
  if (all != 0) {
    const auto age = fmt::format("{} s", model::kDefaultLeakAgeNs / kSecondNs);
    text += fmt::format(" older than {}; {}: {}, younger than {}", age, plural(all, "candidate"), classes, age);
  }
  if (not_judged != 0) text += fmt::format("; {} not judged", format_count(not_judged));
  return text;
}

std::string holder_text(const model::LeakHolder& holder) {
  const std::string name = holder.name.empty() ? std::string("?") : clean_for_terminal(holder.name);
  const std::string owner = holder.owner.empty() ? std::string("?") : clean_for_terminal(holder.owner);
  const std::string container = clean_for_terminal(holder.container);
  std::string first = container.empty() ? "" : fmt::format("a {}", container);
  const std::string join = container.empty() ? "" : ", ";
  switch (holder.kind) {
    case model::HolderKind::variable: return fmt::format("{}{}variable {} of module {}", first, join, name, owner);
    case model::HolderKind::attribute: return fmt::format("{}{}attribute {} of {}", first, join, name, owner);
    case model::HolderKind::local:
      if (holder.name.empty()) return fmt::format("{}{}the frame of {}()", first, join, owner);
      return fmt::format("{}{}local {} of {}()", first, join, name, owner);
    case model::HolderKind::closure: return fmt::format("{}{}the closure of {}()", first, join, owner);
    case model::HolderKind::object: return fmt::format("{}{}an object of type {}", first, join, owner);
    case model::HolderKind::unknown: break;
  }
  return first;
}

std::string origins_line(const model::LeakOrigins& origins, std::uint64_t elapsed_ns) {
  const double share = elapsed_ns == 0 ? 0
                                       : 100 * static_cast<double>(origins.bpf_ns) / static_cast<double>(elapsed_ns);
  return fmt::format(
      "Origins: {} coroutines made, {} without a stack, {} lost; {} traps in the target, beside them {} in BPF ({:.2g} "
      "% of a "
      "CPU)",
      format_count(origins.kept), format_count(origins.no_stack), format_count(origins.lost),
      format_count(origins.traps), format_duration_ns(origins.bpf_ns), share);
}

namespace {

std::string headline(const model::Leak& leak, const OutputContext& context) {
  constexpr std::size_t kName = 40;
  const std::string coroutine = leak.place.coroutine.empty() ? "(a future)" : clean_for_terminal(leak.place.coroutine);
  std::string what = fmt::format("{:<16}", model::name(leak.leak_class));
  what += leak.count ? fmt::format(" {:>8} × ", format_count(*leak.count)) : fmt::format(" {:>8}   ", "");
  what += shorten_left(coroutine, kName);
  if (!leak.place.detail.empty())
    what += fmt::format(" [{}]", shorten_right(clean_for_terminal(leak.place.detail), kName));
  if (leak.leak_class != model::LeakClass::dropped)
    what += fmt::format("  {}  {}{}", age_text(leak), format_bytes(leak.bytes), growth_text(leak));
  if (leak.idle) what += "  (idle: may go on any time)";
  const std::string status = leak.leak ? "LEAK      " : "candidate ";
  return paint(status, leak.leak ? Color::red : Color::dim, context) + what;
}

std::vector<std::string> one_leak(const model::Leak& leak, const OutputContext& context) {
  constexpr std::size_t kIndent = 5;
  constexpr std::size_t kMostFrames = 8;
  std::vector<std::string> lines{headline(leak, context)};
  const auto append = [&](const model::Stack& stack, std::size_t most) {
    std::ranges::move(folded_stack_lines(stack, kIndent + 2, most, context), std::back_inserter(lines));
  };
  if (leak.leak_class == model::LeakClass::dropped) {
    lines.push_back(fmt::format("{:<{}}dropped at {}", "", kIndent, place_text(leak.place.file, leak.place.line)));
    return lines;
  }
  // Nobody has to act on it.
  if (leak.idle && !context.verbose) {
    append(leak.place.stack, 1);
    return lines;
  }
  if (!leak.place.file.empty()) {
    const bool begun = !leak.place.stack.empty();
    lines.push_back(fmt::format("{:<{}}defined at {}{}", "", kIndent, place_text(leak.place.file, leak.place.line),
                                !begun                                                  ? ""
                                : leak.leak_class == model::LeakClass::unread_exception ? ", raised at"
                                                                                        : ", hangs at"));
  }
  append(leak.place.stack, kMostFrames);
  if (leak.place.holder)
    lines.push_back(fmt::format("{:<{}}held by {}", "", kIndent, shorten_right(holder_text(*leak.place.holder), 160)));
  if (!leak.place.made_by.empty()) {
    lines.push_back(fmt::format("{:<{}}made by", "", kIndent));
    append(leak.place.made_by, kMostFrames);
  }
  return lines;
}

}  // namespace

std::vector<std::string> leak_lines(const std::vector<model::Leak>& leaks, std::size_t most,
                                    const OutputContext& context) {
  std::vector<std::string> lines;
  const std::size_t shown = most == 0 ? leaks.size() : std::min(most, leaks.size());
  for (const auto& leak : std::span(leaks).first(shown))
    std::ranges::move(one_leak(leak, context), std::back_inserter(lines));
  if (shown < leaks.size()) lines.push_back(fmt::format("… {} more", leaks.size() - shown));
  return lines;
}

std::vector<std::string> leak_scan_lines(const model::LeakScan& scan, const std::vector<model::Leak>& leaks, bool first,
                                         const OutputContext& context) {
  std::vector<std::string> lines;
  lines.push_back(
      paint(fmt::format("{}  pid {}  scan {}: {} objects in {} of memory, {}", local_time(scan.time_ns, context),
                        scan.pid, scan.number, format_count(scan.objects), format_bytes(scan.bytes),
                        format_duration_ns(scan.duration_ns)),
            Color::bold, context));
  if (std::ranges::all_of(leaks, &model::Leak::idle)) lines.emplace_back("nothing suspicious");
  for (auto& line : leak_lines(leaks, context.verbose ? 0 : 40, context)) lines.push_back(std::move(line));
  if (first && !leaks.empty())
    lines.push_back(paint("Seen once, an object has no age: --watch looks again.", Color::dim, context));
  if (scan.swapped_bytes != 0)
    lines.push_back(fmt::format("not looked at: {} in swap", format_bytes(scan.swapped_bytes)));
  if (scan.unreadable_bytes != 0)
    lines.push_back(fmt::format("not looked at: {} that could not be read", format_bytes(scan.unreadable_bytes)));
  if (scan.unclassified != 0) {
    lines.push_back(fmt::format("not judged: {} that wait for something unknown", format_count(scan.unclassified)));
  }
  return lines;
}

}  // namespace aiotrace::output
