#include <fmt/format.h>

#include <algorithm>

#include "output/text/doctor.h"
#include "output/text/style.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

constexpr std::size_t kNames = 24;  // columns of a name, the longest is CAP_CHECKPOINT_RESTORE

void title(std::vector<std::string>& lines, const std::string& text, const OutputContext& context) {
  lines.emplace_back();
  lines.push_back(paint(text, Color::bold, context));
}

void add(std::vector<std::string>& lines, const model::Finding& finding, const OutputContext& context) {
  const auto head = finding.works ? paint("ok  ", Color::cyan, context) : paint("no  ", Color::red, context);
  auto line = fmt::format("  {} {}", head, pad_right(clean_for_terminal(finding.name), kNames));
  const auto& text = finding.works || finding.reason.empty() ? finding.note : finding.reason;
  if (!text.empty()) line += " " + clean_for_terminal(text);
  line.erase(line.find_last_not_of(' ') + 1);
  lines.push_back(std::move(line));
  if (!finding.works && !finding.remedy.empty())
    lines.push_back(fmt::format("       {} → {}", std::string(kNames, ' '), clean_for_terminal(finding.remedy)));
}

void add_all(std::vector<std::string>& lines, const std::vector<model::Finding>& findings,
             const OutputContext& context) {
  for (const auto& finding : findings) add(lines, finding, context);
}

// Features that work are on one line, by name; the others have a line each.
void add_causes(std::vector<std::string>& lines, const std::vector<model::Finding>& causes,
                const OutputContext& context) {
  std::vector<std::string> works;
  for (const auto& cause : causes) {
    if (cause.works) works.push_back(clean_for_terminal(cause.name));
  }
  constexpr std::size_t kIndent = 7;
  auto flowed = flow(works, kIndent, 2, context);
  if (!flowed.empty()) {
    flowed.front() = "  " + paint("ok  ", Color::cyan, context) + " " +
                     flowed.front().substr(std::min(kIndent, flowed.front().size()));
  }
  lines.insert(lines.end(), flowed.begin(), flowed.end());
  if (works.empty() && !causes.empty()) {
    auto none = causes.front();
    none.name = "none";
    add(lines, none, context);
    return;
  }
  for (const auto& cause : causes) {
    if (!cause.works) add(lines, cause, context);
  }
}

std::string python_text(const model::ProcessReport::Python& python) {
  auto text = "CPython " + (python.version ? clean_for_terminal(*python.version) : "of an unknown version");
  if (python.free_threaded) text += *python.free_threaded ? ", free-threaded" : ", with the GIL";
  if (python.free_threaded == true && python.gil == true) text += " with the GIL switched on";
  if (python.debug) text += *python.debug ? ", debug build" : ", release build";
  if (python.stripped) text += *python.stripped ? ", stripped" : ", with symbols";
  if (!python.where.empty()) text += ", in " + clean_for_terminal(python.where);
  return text;
}

}  // namespace

std::vector<std::string> host_lines(const model::HostReport& host, const OutputContext& context) {
  std::vector<std::string> lines{
      fmt::format("aiotrace {} on Linux {} {}", host.version, clean_for_terminal(host.kernel), host.machine)};
  title(lines, "Kernel features, each tried once", context);
  add_all(lines, host.features, context);
  title(lines, "Capabilities", context);
  add_all(lines, host.capabilities, context);
  title(lines, "Limits and rules", context);
  for (const auto& [name, value] : host.settings) {
    lines.push_back(
        fmt::format("       {} {}", pad_right(name, kNames), value.empty() ? "unknown" : clean_for_terminal(value)));
  }
  title(lines, "Commands on this host", context);
  add_all(lines, host.commands, context);
  return lines;
}

std::vector<std::string> process_lines(const model::ProcessReport& process, const OutputContext& context) {
  std::vector<std::string> lines;
  title(lines, fmt::format("Process {} ({})", process.pid, clean_for_terminal(process.comm)), context);
  lines.push_back("  " + (process.python ? python_text(*process.python) : "no Python that aiotrace can read"));
  if (!process.no_python.empty()) lines.push_back("  no Python detail: " + clean_for_terminal(process.no_python));
  if (process.python && !process.python->note.empty()) lines.push_back("  " + clean_for_terminal(process.python->note));
  for (const auto& loop : process.loops) {
    lines.push_back(fmt::format("  loop of thread {} ({}): {}{}", loop.tid, clean_for_terminal(loop.thread),
                                name(loop.kind),
                                loop.epfd < 0 ? ", in mid-iteration or in another call than epoll"
                                              : fmt::format(", waits on epoll fd {}", loop.epfd)));
    if (!loop.note.empty()) lines.push_back("    " + paint(clean_for_terminal(loop.note), Color::yellow, context));
  }
  if (process.loops.empty()) {
    lines.push_back(process.epolls == 0
                        ? "  no event loop now"
                        : fmt::format("  no thread waits in a loop now; {} epoll instances are open", process.epolls));
  }
  title(lines, fmt::format("Causes of stalls that are recognized in process {}", process.pid), context);
  add_causes(lines, process.causes, context);
  title(lines, fmt::format("Commands on process {}", process.pid), context);
  add_all(lines, process.commands, context);
  return lines;
}

}  // namespace aiotrace::output
