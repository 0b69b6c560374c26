#include "app/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>

#include "app/session.h"
#include "output/file_sink.h"
#include "util/duration.h"

namespace aiotrace::app {

std::unexpected<Error> Arguments::usage(std::string what, std::string reason) const {
  return fail(std::move(what), std::move(reason), "see " + command_ + " --help", ErrorKind::usage);
}

Result<std::optional<std::string>> Arguments::parse(CLI::App& parser, int argc, const char* const* argv) const {
  try {
    parser.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return parser.help();
  } catch (const CLI::ParseError& error) {
    std::string reason = error.what();
    std::ranges::replace(reason, '\n', ' ');
    return usage("", std::move(reason));
  }
  return std::nullopt;
}

Status Arguments::add_pids(const std::string& text, std::vector<std::int32_t>& pids) const {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    std::int32_t pid = 0;
    const auto [next, error] = std::from_chars(at, end, pid);
    if (error != std::errc{} || pid <= 0 || (next != end && *next != ','))
      return usage("-p " + text, "not a process id, or several with commas between them");
    if (std::ranges::find(pids, pid) == pids.end()) pids.push_back(pid);
    if (next == end) return {};
    at = next + 1;
  }
}

Result<std::uint64_t> Arguments::duration(const std::string& option, const std::string& text, bool zero) const {
  const auto ns = parse_duration(text);
  if (!ns) return usage(option + text, ns.error().reason);
  if (*ns == 0 && !zero) return usage(option + text, "must be more than 0");
  return *ns;
}

Status Arguments::set_duration(const std::string& option, const std::string& text,
                               std::optional<std::uint64_t>& into) const {
  if (text.empty()) return {};
  const auto ns = duration(option, text);
  if (!ns) return std::unexpected(ns.error());
  into = *ns;
  return {};
}

int print_message(const std::string& text) {
  auto out = output::FileSink::standard_output();
  if (!out) return report(out.error());
  const auto status = (*out)->write_bytes(text);
  return status || (*out)->last_errno() == EPIPE ? 0 : report(status.error());
}

}  // namespace aiotrace::app
