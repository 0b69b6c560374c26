#include "probe/poll_programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/perf_event.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "abi/profile.h"
#include "aiotrace.skel.h"
#include "machine/machine.h"
#include "probe/load_log.h"
#include "probe/perf_events.h"
#include "probe/permissions.h"
#include "probe/tracefs.h"
#include "util/unique_fd.h"

namespace aiotrace::probe {

namespace {

std::string tracepoint_of(std::string_view call) { return "syscalls/sys_enter_" + std::string(call); }

}  // namespace

Result<PollProbe> first_that_attaches(std::span<const PollProbe> ways, const std::function<Status(PollProbe)>& attach,
                                      std::vector<Refusal>& refused) {
  for (const auto way : ways) {
    auto status = attach(way);
    if (status) return way;
    refused.push_back({way, status.error().message()});
    if (way == ways.back()) return std::unexpected(std::move(status.error()));
  }
  return fail("see polls", "there is no way to");
}

Status PollPrograms::choose() {
  way_ = wanted_;
  if (wanted_ != PollProbe::automatic && wanted_ != PollProbe::fentry) return {};
  way_ = PollProbe::fentry;
  if (!fentry_forbidden()) return {};
  if (wanted_ == PollProbe::fentry)
    return fail_errno("--poll-probe fentry: this kernel refuses it", EPERM, "use --poll-probe tracepoint",
                      ErrorKind::unsupported);
  fentry_problem_ = strerrordesc_np(EPERM);
  way_ = PollProbe::tracepoint;
  return {};
}

bool PollPrograms::give_up_fentry(std::string why) {
  if (way_ != PollProbe::fentry || wanted_ != PollProbe::automatic) return false;
  fentry_problem_ = std::move(why);
  way_ = PollProbe::tracepoint;
  return true;
}

std::vector<PollProbe> PollPrograms::ways() const {
  if (wanted_ != PollProbe::automatic) return {way_};
  std::vector<PollProbe> ways{PollProbe::fentry, PollProbe::tracepoint};
  if (way_ != PollProbe::fentry) ways.erase(ways.begin());
  if (with_uprobe_) ways.push_back(PollProbe::uprobe);
  return ways;
}

bool PollPrograms::take_uprobe() {
  if (wanted_ != PollProbe::automatic || !each_process_ || with_uprobe_) return false;
  with_uprobe_ = true;
  return true;
}

// Programs that may be needed later are loaded too.
void PollPrograms::set_autoload(const aiotrace_bpf& skeleton) {
  const auto& programs = skeleton.progs;
  const auto all = ways();
  const auto may_serve = [&](PollProbe way) { return std::ranges::find(all, way) != all.end(); };
  for (auto* program : {programs.handle_fentry_epoll_wait, programs.handle_fentry_epoll_pwait})
    bpf_program__set_autoload(program, may_serve(PollProbe::fentry));
  bpf_program__set_autoload(programs.handle_fentry_epoll_pwait2, may_serve(PollProbe::fentry) && has_epoll_pwait2());
  if (may_serve(PollProbe::tracepoint)) {
    const auto id = tracepoint_id(tracepoint_of(machine::here().epoll_calls.front()));
    raw_tracepoint_ = !id;
    if (!id)
      why_raw_tracepoint_ = id.error().message() +
                            "; the tracepoint of all system calls is used, which costs 60 to 90 ns per call";
  }
  // Loops on select and poll are seen by tracepoints, also if epoll loops are seen by fentry.
  const bool tracepoints = may_serve(PollProbe::fentry) || (may_serve(PollProbe::tracepoint) && !raw_tracepoint_);
  bpf_program__set_autoload(programs.handle_enter_poll, tracepoints);
  bpf_program__set_autoload(programs.handle_sys_enter, raw_tracepoint_);
  bpf_program__set_autoload(programs.handle_uprobe_select, may_serve(PollProbe::uprobe));
  bpf_program__set_autoload(programs.handle_uprobe_epoll, may_serve(PollProbe::uprobe));
}

Status PollPrograms::attach_program(bpf_program* program) {
  forget_warnings();
  Link link(bpf_program__attach(program));
  if (!link) return load_error(std::string("attach ") + bpf_program__name(program), errno, last_warning());
  links_.push_back(std::move(link));
  return {};
}

Status PollPrograms::attach_tracepoint(const aiotrace_bpf& skeleton, std::string_view call) {
  const auto id = tracepoint_id(tracepoint_of(call));
  if (!id) return std::unexpected(id.error());
  perf_event_attr attr{};
  attr.type = PERF_TYPE_TRACEPOINT;
  attr.config = *id;
  attr.sample_period = 1;
  UniqueFd event = open_perf_event(attr, -1, 0);
  if (!event) return load_error("open the tracepoint of " + std::string(call), errno, "");
  auto link = attach_to_event(skeleton.progs.handle_enter_poll, std::move(event),
                              "attach to the tracepoint of " + std::string(call));
  if (!link) return std::unexpected(link.error());
  links_.push_back(std::move(*link));
  return {};
}

Status PollPrograms::attach_tracepoints(const aiotrace_bpf& skeleton) {
  for (const auto call : machine::here().epoll_calls) {
    if (call == "epoll_pwait2" && !has_epoll_pwait2()) continue;
    if (auto status = attach_tracepoint(skeleton, call); !status) return status;
  }
  return {};
}

// There are few loops on select and poll: their entries are seen by tracepoints, also if epoll's are seen by fentry.
void PollPrograms::attach_select(const aiotrace_bpf& skeleton) {
  for (const auto call : machine::here().select_calls) {
    if (auto status = attach_tracepoint(skeleton, call); !status)
      notes_.push_back("loops on " + std::string(call) + " are not seen: " + status.error().message());
  }
}

Status PollPrograms::attach_fentry(const aiotrace_bpf& skeleton) {
  for (auto* program : {skeleton.progs.handle_fentry_epoll_wait, skeleton.progs.handle_fentry_epoll_pwait,
                        skeleton.progs.handle_fentry_epoll_pwait2}) {
    if (!bpf_program__autoload(program)) continue;
    if (auto status = attach_program(program); !status) return status;
  }
  return {};
}

// Attaches all or nothing.
Status PollPrograms::attach_way(PollProbe way, const aiotrace_bpf& skeleton) {
  Status status;
  if (way == PollProbe::fentry) status = attach_fentry(skeleton);
  if (way == PollProbe::tracepoint)
    status = raw_tracepoint_ ? attach_program(skeleton.progs.handle_sys_enter) : attach_tracepoints(skeleton);
  if (!status) links_.clear();
  return status;
}

Status PollPrograms::attach(const aiotrace_bpf& skeleton) {
  std::vector<Refusal> refused;
  const auto attached = first_that_attaches(ways(), [&](PollProbe way) { return attach_way(way, skeleton); }, refused);
  if (!attached) return std::unexpected(attached.error());
  way_ = *attached;
  for (const auto& [way, why] : refused) {
    if (way == PollProbe::fentry)
      fentry_problem_ = "it does not attach: " + why;
    else
      notes_.push_back("the " + std::string(name(way)) + " does not attach: " + why);
  }
  if (way_ == PollProbe::uprobe) return {};
  if (way_ == PollProbe::tracepoint && raw_tracepoint_)
    notes_.push_back(why_raw_tracepoint_);
  else
    attach_select(skeleton);
  return {};
}

}  // namespace aiotrace::probe
