#include "probe/features.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "probe/confine.h"
#include "probe/perf_events.h"
#include "probe/permissions.h"
#include "probe/probe.h"
#include "probe/rules.h"
#include "probe/tracefs.h"
#include "util/unique_fd.h"

namespace aiotrace::probe {

namespace {

Status refused(const std::string& what, int error_number, const std::string& otherwise = {}) {
  const auto hint = refusing_rule(error_number);
  return fail_errno(what, error_number, hint.empty() ? otherwise : hint, ErrorKind::unsupported);
}

Status try_btf() {
  if (access("/sys/kernel/btf/vmlinux", R_OK) == 0) return {};
  return fail_errno("read /sys/kernel/btf/vmlinux", errno, "run a kernel that is built with CONFIG_DEBUG_INFO_BTF",
                    ErrorKind::unsupported);
}

Status try_ring_buffer() {
  const auto bytes = static_cast<std::uint32_t>(sysconf(_SC_PAGESIZE));
  const UniqueFd map(bpf_map_create(BPF_MAP_TYPE_RINGBUF, "try_ring", 0, 0, bytes, nullptr));
  if (!map) return refused("make a ring buffer", errno, "run Linux 5.8 or newer");
  return {};
}

// Task storage's lookups and sleepable reads aside, each kind of program is tried with the shortest possible program.
Status try_program(bpf_prog_type type, const char* name) {
  constexpr std::array<bpf_insn, 2> kReturnZero{{
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 0},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
  }};
  const UniqueFd program(bpf_prog_load(type, name, "GPL", kReturnZero.data(), kReturnZero.size(), nullptr));
  if (!program) return refused("load a BPF program", errno);
  return {};
}

Status try_tracefs() {
  const auto id = tracepoint_id("syscalls/sys_enter_epoll_wait");
  if (!id) return std::unexpected(id.error());
  return {};
}

Status try_tracepoint() {
  const auto id = tracepoint_id("syscalls/sys_enter_epoll_wait");
  if (!id) return std::unexpected(id.error());
  perf_event_attr attr{};
  attr.type = PERF_TYPE_TRACEPOINT;
  attr.config = *id;
  attr.sample_period = 1;
  attr.disabled = 1;
  if (!open_perf_event(attr, -1, 0)) return refused("open a tracepoint", errno);
  return {};
}

Status try_samples() {
  perf_event_attr attr{};
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_CPU_CLOCK;
  attr.sample_period = 1'000'000;
  attr.disabled = 1;
  if (!open_perf_event(attr, 0, -1)) return refused("open a cpu-clock event", errno);
  return {};
}

// Only tries the kind of event: a uprobe would have to be attached to a running program.
Status try_uprobes() {
  if (access("/sys/bus/event_source/devices/uprobe/type", R_OK) == 0) return {};
  return fail_errno("read /sys/bus/event_source/devices/uprobe/type", errno,
                    "run a kernel that is built with CONFIG_UPROBE_EVENTS", ErrorKind::unsupported);
}

Status try_stats() {
  const UniqueFd stats(bpf_enable_stats(BPF_STATS_RUN_TIME));
  if (stats) return {};
  if (errno == EPERM)
    return fail_errno("measure the run time of BPF programs", errno, "run it with CAP_SYS_ADMIN",
                      ErrorKind::unsupported);
  return refused("measure the run time of BPF programs", errno, "run Linux 5.8 or newer");
}

// The programs that trace, loaded and attached as in a run.
void try_all(std::vector<Feature>& features) {
  auto probe = Probe::load(ProbeOptions{});
  Status fentry;
  Status watch;
  std::string note;
  if (!probe) {
    watch = std::unexpected(probe.error());
    fentry = fail("", "not tried, because the programs of watch do not load", "", ErrorKind::unsupported);
  } else {
    watch = probe->attach();
    if (const auto& problem = probe->fentry_problem())
      fentry = fail("", "not available: " + *problem, "none needed: the tracepoint is used", ErrorKind::unsupported);
    note = "polls are seen by " + std::string(name(probe->poll_probe()));
    for (const auto& each : probe->notes()) note += "; " + each;
  }
  features.push_back({"fentry", std::move(fentry), "sees polls at the least cost"});
  features.push_back({"watch", std::move(watch), std::move(note)});
}

}  // namespace

std::vector<Feature> try_features() {
  libbpf_set_print(nullptr);
  std::vector<Feature> features;
  features.push_back({"btf", try_btf(), "the kernel's types"});
  features.push_back({"bpf", try_program(BPF_PROG_TYPE_RAW_TRACEPOINT, "try_raw_tp"), "programs in the kernel"});
  features.push_back({"ring-buffer", try_ring_buffer(), "carries the records"});
  features.push_back({"tracefs", try_tracefs(), "numbers of the tracepoints"});
  features.push_back({"tracepoint", try_tracepoint(), "sees polls"});
  features.push_back({"perf-event", try_samples(), "samples of what runs on a CPU"});
  features.push_back({"uprobe", try_uprobes(), "sees polls at no cost to other processes (--poll-probe uprobe)"});
  features.push_back({"stats", try_stats(), "measures what tracing costs"});
  features.push_back({"seccomp", try_to_confine(), "confines aiotrace to the system calls that it needs"});
  try_all(features);
  return features;
}

std::vector<CapabilityUse> capability_uses() {
  const auto bits = effective_capabilities();
  const auto have = [bits](int number) { return (bits >> number & 1) != 0; };
  const bool admin = have(CAP_SYS_ADMIN);
  return {{"CAP_BPF", "loads BPF programs", true, have(CAP_BPF) || admin},
          {"CAP_PERFMON", "attaches them, samples threads", true, have(CAP_PERFMON) || admin},
          {"CAP_SYS_PTRACE", "reads the memory of other processes", true, have(CAP_SYS_PTRACE)},
          {"CAP_CHECKPOINT_RESTORE", "opens the files that a process has mapped, deleted ones too", false,
           have(CAP_CHECKPOINT_RESTORE) || admin},
          {"CAP_DAC_READ_SEARCH", "reads tracefs, and files that only others may read", false,
           have(CAP_DAC_READ_SEARCH) || have(CAP_DAC_OVERRIDE)},
          {"CAP_SYS_ADMIN", "mounts tracefs where it is not, measures what tracing costs", false, admin}};
}

}  // namespace aiotrace::probe
