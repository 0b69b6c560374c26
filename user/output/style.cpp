#include "output/style.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "util/text.h"

namespace aiotrace::output {
namespace {

using model::Cause;
using model::Frame;

std::string_view escape(Color color) {
  switch (color) {
    case Color::bold: return "\x1b[1m";
    case Color::dim: return "\x1b[2m";
    case Color::red: return "\x1b[1;31m";
    case Color::yellow: return "\x1b[1;33m";
    case Color::cyan: return "\x1b[36m";
  }
  return "";
}

// Where the loop's machinery begins: everything outward of it is the same for every task. uvloop has no Handle._run in
// Python, there the runner is the first frame that is seen.
std::size_t end_of_task(const model::Stack& stack) {
  const auto is_handle = [](const Frame& frame) {
    return frame.file.ends_with("asyncio/events.py") && (frame.function == "Handle._run" || frame.function == "_run");
  };
  const auto is_runner = [](const Frame& frame) { return frame.file.ends_with("asyncio/runners.py"); };
  if (stack.empty()) return 0;
  auto end = std::find_if(stack.begin() + 1, stack.end(), is_handle);
  if (end == stack.end()) end = std::find_if(stack.begin() + 1, stack.end(), is_runner);
  return static_cast<std::size_t>(end - stack.begin());
}

bool nameless(const Frame& frame) { return frame.kind == Frame::Kind::native && frame.function.empty(); }

// What the interpreter does between two Python frames is the same everywhere. The frames inside the innermost Python
// frame are what it called, and stay. Of a row of nameless ones in a stripped library one tells as much.
model::Stack without_interpreter(const model::Stack& stack) {
  model::Stack kept;
  kept.reserve(stack.size());
  bool in_python = false;
  for (const auto& frame : stack) {
    in_python = in_python || frame.kind == Frame::Kind::python;
    const bool interpreter = frame.kind == Frame::Kind::native &&
                             (frame.file.starts_with("libpython3") || frame.file.starts_with("python3"));
    if (in_python && interpreter) continue;
    if (!kept.empty() && nameless(frame) && nameless(kept.back()) && frame.file == kept.back().file) continue;
    kept.push_back(frame);
  }
  return kept;
}

std::string culprit_text(Cause cause, const model::Culprit& who) {
  switch (cause) {
    case Cause::network: {
      std::string text = "→ " + (who.protocol.empty() ? std::string("socket") : who.protocol);
      if (!who.peer.empty()) text += " " + who.peer;
      return text + (who.dns.value_or(false) ? " (DNS)" : "");
    }
    case Cause::file:
    case Cause::fault: return who.path;
    case Cause::process:
      if (who.pid == 0) return {};
      return fmt::format("→ pid {}{}", who.pid, who.comm.empty() ? "" : " (" + who.comm + ")");
    case Cause::native:
      if (who.library.empty() || who.function.empty()) return who.library + who.function;
      return who.library + "!" + who.function;
    case Cause::gil:
      if (who.tid == 0 && who.thread.empty()) return {};
      if (who.thread.empty()) return fmt::format("held by thread {}", who.tid);
      return fmt::format("held by {}{}", who.thread, who.tid == 0 ? "" : fmt::format(" (thread {})", who.tid));
    case Cause::cpu_wait: {
      if (who.running.empty()) return {};
      const auto& most = who.running.front();
      const auto others = who.running.size() - 1;
      return fmt::format("while pid {} ({}) ran{}", most.pid, most.comm,
                         others == 0 ? "" : fmt::format(" and {} other{}", others, others == 1 ? "" : "s"));
    }
    case Cause::throttled:
      if (who.cgroup.empty() || who.period_us == 0) return who.cgroup;
      return fmt::format("cgroup {}: {:.3g} CPUs", who.cgroup,
                         static_cast<double>(who.quota_us) / static_cast<double>(who.period_us));
    default: return {};
  }
}

}  // namespace

std::string paint(std::string_view text, Color color, const OutputContext& context) {
  if (!context.color) return std::string(text);
  return fmt::format("{}{}\x1b[0m", escape(color), text);
}

std::vector<std::string> flow(const std::vector<std::string>& pieces, std::size_t indent, std::size_t gap,
                              const OutputContext& context) {
  std::vector<std::string> lines;
  std::size_t width = 0;
  for (const auto& piece : pieces) {
    const auto own = display_width(piece);
    if (lines.empty() || width + gap + own > context.columns) {
      lines.push_back(std::string(indent, ' ') + piece);
      width = indent + own;
    } else {
      lines.back() += std::string(gap, ' ') + piece;
      width += gap + own;
    }
  }
  return lines;
}

std::string place_text(std::string_view file, std::uint32_t line) {
  if (file.empty()) return {};
  auto text = clean_for_terminal(file);
  if (line != 0) text += ":" + std::to_string(line);
  return text;
}

std::string describe(const model::Segment& segment) {
  auto text = segment.syscall;
  if (segment.culprit) {
    const auto who = culprit_text(segment.cause, *segment.culprit);
    if (!text.empty() && !who.empty()) text += " ";
    text += who;
  }
  return clean_for_terminal(text);
}

std::vector<std::string> stack_lines(const model::Stack& whole, std::size_t indent, const OutputContext& context) {
  const auto stack = context.verbose ? whole : without_interpreter(whole);
  constexpr std::size_t kInner = 16;
  constexpr std::size_t kOuter = 6;
  constexpr std::size_t kLeastFunction = 20;
  constexpr std::size_t kMostFunction = 40;
  constexpr std::size_t kGap = 2;
  const auto count = context.verbose ? stack.size() : end_of_task(stack);
  const bool cut = !context.verbose && count > kInner + kOuter + 1;
  const auto hidden = [&](std::size_t i) { return cut && i >= kInner && i + kOuter < count; };

  std::vector<std::string> functions(count);
  auto column = kLeastFunction;
  for (std::size_t i = 0; i < count; ++i) {
    if (hidden(i)) continue;
    const auto& name = stack[i].function;
    const auto shown = name.empty() ? "?" : clean_for_terminal(name);
    // The end of a qualified name tells most; of a C++ function those are its parameters, of a JavaScript one its file.
    const bool begins = stack[i].kind != Frame::Kind::python && shown.contains(' ');
    functions[i] = begins ? shorten_right(shown, kMostFunction) : shorten_left(shown, kMostFunction);
    column = std::max(column, display_width(functions[i]));
  }
  const auto used = indent + column + kGap;
  const auto room = context.columns > used ? context.columns - used : kLeastFunction;
  const std::string margin(indent, ' ');
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < count; ++i) {
    if (hidden(i)) {
      if (i == kInner) lines.push_back(fmt::format("{}… {} more frames", margin, count - kInner - kOuter));
      continue;
    }
    const auto place = shorten_left(place_text(stack[i].file, stack[i].line), room);
    auto& line = lines.emplace_back(margin);
    line += place.empty() ? functions[i] : pad_right(functions[i], column + kGap);
    line += place;
  }
  return lines;
}

}  // namespace aiotrace::output
