#include "probe/load_log.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <charconv>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "util/text.h"

namespace aiotrace::probe {

namespace {

// libbpf reports the reason of a failure in its log only.
struct Warnings {
  std::string first;
  std::string reason;  // the verifier's
};
thread_local Warnings warnings;  // NOLINT(*-avoid-non-const-global-variables)

// A verifier's log may have megabytes; its end has the reason.
constexpr int kLogTail = 4096;

int keep(libbpf_print_level level, const char* format, va_list args) {
  if (level != LIBBPF_WARN) return 0;
  char* text = nullptr;
  const int size = vasprintf(&text, format, args);
  if (size < 0) return 0;
  std::string_view line(text, static_cast<std::size_t>(size));
  if (warnings.first.empty()) warnings.first = line.substr(0, line.find('\n')).substr(0, 512);
  if (warnings.reason.empty()) warnings.reason = verifier_reason(line);
  free(text);  // NOLINT(*-no-malloc): vasprintf's
  return 0;
}

// The number before `word` in the verifier's statistics.
std::optional<std::uint64_t> number_between(std::string_view text, std::string_view before, std::string_view after) {
  const auto start = text.rfind(before);
  if (start == std::string_view::npos) return std::nullopt;
  const char* const from = text.data() + start + before.size();
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(from, text.data() + text.size(), value);
  if (error != std::errc{} || !std::string_view(end, text.data() + text.size()).starts_with(after)) return std::nullopt;
  return value;
}

}  // namespace

void keep_warnings() { libbpf_set_print(keep); }
void forget_warnings() { warnings = {}; }

std::string last_warning() {
  if (warnings.reason.empty()) return warnings.first;
  return warnings.first + ": the verifier: " + warnings.reason;
}

std::string verifier_reason(std::string_view warning) {
  const auto begin = warning.find("-- BEGIN PROG LOAD LOG --");
  if (begin == std::string_view::npos) return {};
  auto log = warning.substr(begin);
  log = log.substr(0, log.rfind("-- END PROG LOAD LOG --"));
  log = log.substr(0, log.rfind("\nprocessed "));  // its statistics: print_verification_stats()
  if (log.size() > kLogTail) log.remove_prefix(log.size() - kLogTail);
  std::string reason;
  for (int lines = 0; lines < 2 && !log.empty(); lines++) {
    const auto at = log.rfind('\n');
    const auto line = at == std::string_view::npos ? log : log.substr(at + 1);
    reason = fmt::format("{}{}{}", line.substr(0, 300), reason.empty() ? "" : " | ", reason);
    log = at == std::string_view::npos ? std::string_view{} : log.substr(0, at);
  }
  return reason;
}

LoadStatistics::LoadStatistics(bpf_object* object) {
  constexpr std::uint32_t kStatistics = 4;  // BPF_LOG_STATS, kernel/bpf/verifier.c
  constexpr std::size_t kLogBytes = 4096;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    if (!bpf_program__autoload(program)) continue;
    programs_.push_back({bpf_program__name(program), std::vector<char>(kLogBytes)});
  }
  std::size_t index = 0;
  bpf_object__for_each_program(program, object) {
    if (!bpf_program__autoload(program)) continue;
    auto& log = programs_[index++].log;
    bpf_program__set_log_level(program, kStatistics);
    bpf_program__set_log_buf(program, log.data(), log.size());
  }
}

std::vector<std::string> LoadStatistics::lines() const {
  std::vector<std::string> lines;
  for (const auto& program : programs_) {
    const std::string_view log(program.log.data());
    const auto us = number_between(log, "verification time ", " usec");
    const auto instructions = number_between(log, "processed ", " insns");
    if (us && instructions)
      lines.push_back(fmt::format("program {}: {} instructions verified in {} µs", program.name, *instructions, *us));
  }
  return lines;
}

}  // namespace aiotrace::probe
