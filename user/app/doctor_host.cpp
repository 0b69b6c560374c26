#include <sys/resource.h>
#include <sys/utsname.h>

#include <algorithm>

#include "app/doctor_reports.h"
#include "app/memory_access.h"
#include "probe/features.h"
#include "probe/permissions.h"
#include "probe/rules.h"
#include "util/version.h"

namespace aiotrace::app {

namespace {

model::Finding finding_of(probe::Feature feature) {
  model::Finding finding{.name = std::move(feature.name),
                         .works = feature.status.has_value(),
                         .note = std::move(feature.note),
                         .reason = {},
                         .remedy = {}};
  if (finding.works) return finding;
  const auto& error = feature.status.error();
  finding.reason = error.what + (error.what.empty() || error.reason.empty() ? "" : ": ") + error.reason;
  finding.remedy = error.hint;
  return finding;
}

std::string limit_text(int resource) {
  rlimit limit{};
  if (getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) return {};
  return limit.rlim_cur == RLIM_INFINITY ? "unlimited" : std::to_string(limit.rlim_cur);
}

std::vector<std::pair<std::string, std::string>> settings() {
  const auto sysctl = [](const char* name) { return probe::sysctl(name).value_or(""); };
  return {{"open-files", limit_text(RLIMIT_NOFILE)},
          {"locked-memory", limit_text(RLIMIT_MEMLOCK)},
          {"unprivileged-bpf-disabled", sysctl("kernel/unprivileged_bpf_disabled")},
          {"perf-event-paranoid", sysctl("kernel/perf_event_paranoid")},
          {"perf-max-sample-rate", sysctl("kernel/perf_event_max_sample_rate")},
          {"ptrace-scope", sysctl("kernel/yama/ptrace_scope")},
          {"lockdown", probe::lockdown_mode().value_or("")},
          {"seccomp", probe::seccomp_filtered() ? "filtered" : "none"},
          {"user-namespace", probe::in_user_namespace() ? "own" : "initial"}};
}

model::Finding finding_of(const CommandNeed& command, bool reads_all_memory, const model::Finding& watch) {
  if (command.need == Need::probes) {
    auto finding = watch;
    finding.name = command.name;
    finding.note.clear();  // how polls are seen; there are none here
    return finding;
  }
  model::Finding finding{.name = std::string(command.name), .works = true, .note = {}, .reason = {}, .remedy = {}};
  if (command.need == Need::nothing) {
    finding.note = "needs no privilege";
  } else if (!reads_all_memory) {
    finding.note = "for processes of this user only";
    if (!command.probe_option.empty()) finding.note += "; " + std::string(command.probe_option) + " needs root";
    if (const auto problem = ptrace_scope_problem()) {
      finding.works = false;
      finding.reason = "missing CAP_SYS_PTRACE, and " + *problem;
      finding.remedy = probe::how_to_get({"CAP_SYS_PTRACE"});
    }
  }
  return finding;
}

}  // namespace

const model::Finding* command_of(const std::vector<model::Finding>& commands, std::string_view name) {
  const auto found = std::ranges::find(commands, name, &model::Finding::name);
  return found == commands.end() ? nullptr : &*found;
}

model::HostReport look_at_host(std::span<const CommandNeed> commands) {
  model::HostReport host;
  host.version = kVersion;
  utsname name{};
  if (uname(&name) == 0) {
    host.kernel = name.release;
    host.machine = name.machine;
  }
  model::Finding watch;
  for (auto& feature : probe::try_features()) {
    auto finding = finding_of(std::move(feature));
    if (finding.name == "watch") {
      watch = std::move(finding);
    } else {
      host.features.push_back(std::move(finding));
    }
  }
  bool reads_all_memory = false;
  for (const auto& capability : probe::capability_uses()) {
    if (capability.name == "CAP_SYS_PTRACE") reads_all_memory = capability.have;
    host.capabilities.push_back({.name = capability.name,
                                 .works = capability.have,
                                 .note = capability.use,
                                 .reason = {},
                                 .remedy = capability.have ? ""
                                           : capability.needed
                                               ? "nothing is traced without it: " + probe::how_to_get({capability.name})
                                               : "optional"});
  }
  host.settings = settings();
  host.commands.push_back(watch);
  for (const auto& command : commands) host.commands.push_back(finding_of(command, reads_all_memory, watch));
  return host;
}

}  // namespace aiotrace::app
