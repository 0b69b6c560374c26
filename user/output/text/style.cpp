#include "output/text/style.h"

#include <fmt/format.h>

#include <algorithm>

#include "util/text.h"

namespace aiotrace::output {
namespace {

using model::Cause;

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

std::string text_of(const model::SocketEnds& who) {
  std::string text = "→ " + (who.protocol.empty() ? std::string("socket") : who.protocol);
  if (!who.peer.empty()) text += " " + who.peer;
  return text + (who.dns.value_or(false) ? " (DNS)" : "");
}
std::string text_of(const model::FileUse& who) { return who.path; }
std::string text_of(const model::MappedFile& who) { return who.path; }
// An address is meaningless for a person.
std::string text_of(const model::LockAt& who) {
  if (!who.holder) return who.name;
  const auto thread = who.holder->thread.empty() ? fmt::format("thread {}", who.holder->tid)
                                                 : fmt::format("{} (thread {})", who.holder->thread, who.holder->tid);
  const auto* holds = who.holder->how == model::HoldHow::refers ? "perhaps held by " : "held by ";
  return who.name + (who.name.empty() ? "" : ", ") + holds + thread;
}
std::string text_of(const model::ChildProcess& who) {
  if (who.pid == 0) return {};
  return fmt::format("→ pid {}{}", who.pid, who.comm.empty() ? "" : " (" + who.comm + ")");
}
std::string text_of(const model::NativeFunction& who) {
  if (who.library.empty() || who.function.empty()) return who.library + who.function;
  return who.library + "!" + who.function;
}
std::string text_of(const model::GilHolder& who) {
  if (who.tid == 0 && who.thread.empty()) return {};
  if (who.thread.empty()) return fmt::format("held by thread {}", who.tid);
  return fmt::format("held by {}{}", who.thread, who.tid == 0 ? "" : fmt::format(" (thread {})", who.tid));
}
std::string text_of(const model::Runners& who) {
  if (who.running.empty()) return {};
  const auto& most = who.running.front();
  const auto others = who.running.size() - 1;
  return fmt::format("while pid {} ({}) ran{}", most.pid, most.comm,
                     others == 0 ? "" : fmt::format(" and {} other{}", others, others == 1 ? "" : "s"));
}
std::string text_of(const model::CpuQuota& who) {
  if (who.cgroup.empty() || who.period_us == 0) return who.cgroup;
  return fmt::format("cgroup {}: {:.3g} CPUs", who.cgroup,
                     static_cast<double>(who.quota_us) / static_cast<double>(who.period_us));
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

std::vector<std::string> wrapped(std::string_view text, std::string_view lead, const OutputContext& context) {
  constexpr std::size_t kLeastRoom = 20;
  const auto indent = display_width(lead);
  const auto room = std::max(kLeastRoom, context.columns - std::min(context.columns, indent));
  std::vector<std::string> lines;
  std::string line;
  const auto put = [&] {
    lines.push_back((lines.empty() ? std::string(lead) : std::string(indent, ' ')) + shorten_right(line, room));
    line.clear();
  };
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (!line.empty() && display_width(line) + 1 + display_width(word) > room) put();
    if (!line.empty()) line += ' ';
    line += word;
  }
  put();
  return lines;
}

std::string plural(std::uint64_t count, std::string_view one) {
  return fmt::format("{} {}{}", format_count(count), one, count == 1 ? "" : "s");
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
    const auto who = std::visit([](const auto& one) { return text_of(one); }, *segment.culprit);
    if (!text.empty() && !who.empty()) text += " ";
    text += who;
  }
  return clean_for_terminal(text);
}

}  // namespace aiotrace::output
