#include "probe/privileges.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>

#include "probe/sanitized.h"
#include "util/caller.h"

namespace aiotrace::probe {

namespace {

struct Sets {
  std::uint64_t effective = 0;
  std::uint64_t permitted = 0;
};

constexpr std::uint64_t bit(int capability) { return std::uint64_t{1} << capability; }

constexpr std::uint64_t kToRead = bit(CAP_SYS_PTRACE) | bit(CAP_CHECKPOINT_RESTORE) | bit(CAP_DAC_READ_SEARCH);
constexpr std::uint64_t kKept = kToRead | bit(CAP_BPF) | bit(CAP_PERFMON);

__user_cap_header_struct header() { return {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0}; }

std::optional<Sets> capabilities() {
  auto head = header();
  std::array<__user_cap_data_struct, 2> data{};
  if (syscall(SYS_capget, &head, data.data()) != 0) return std::nullopt;
  return Sets{.effective = data[0].effective | std::uint64_t{data[1].effective} << 32,
              .permitted = data[0].permitted | std::uint64_t{data[1].permitted} << 32};
}

// Also empties the inheritable set.
bool set_capabilities(const Sets& sets) {
  auto head = header();
  std::array<__user_cap_data_struct, 2> data{};
  for (unsigned half = 0; half < 2; half++) {
    data[half].effective = static_cast<std::uint32_t>(sets.effective >> 32 * half);
    data[half].permitted = static_cast<std::uint32_t>(sets.permitted >> 32 * half);
  }
  return syscall(SYS_capset, &head, data.data()) == 0;
}

}  // namespace

namespace {

// Without CAP_SETPCAP the bounding set cannot be changed: then no_new_privs alone keeps file capabilities from having
// effect.
void empty_bounding_set() {
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
    (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

// The last protection: a memory use that no budget has limited ends aiotrace with a message, and does not exhaust the
// machine's memory. RLIMIT_DATA counts written memory, not memory that is only mapped. Not with sanitizers, because
// they write to their shadow memory.
void limit_memory() {
  if (is_sanitized()) return;
  constexpr rlim_t kLeast = 1u << 30;
  const auto pages = sysconf(_SC_PHYS_PAGES);
  const auto page = sysconf(_SC_PAGESIZE);
  const auto quarter = pages > 0 && page > 0 ? static_cast<rlim_t>(pages) / 4 * static_cast<rlim_t>(page) : 0;
  rlimit limit{};
  if (getrlimit(RLIMIT_DATA, &limit) != 0) return;
  const auto wanted = std::max(kLeast, quarter);
  if (limit.rlim_cur <= wanted) return;
  limit.rlim_cur = limit.rlim_max = wanted;
  (void)setrlimit(RLIMIT_DATA, &limit);
}

// Before Linux 5.11 BPF maps count as locked memory, and the limit can only be raised with CAP_SYS_RESOURCE.
void allow_locked_memory() {
  const rlimit all{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
  (void)setrlimit(RLIMIT_MEMLOCK, &all);
}

Status keep(std::uint64_t effective, std::uint64_t permitted) {
  const auto have = capabilities();
  if (!have) return fail_errno("read own capabilities", errno);
  limit_memory();
  empty_bounding_set();
  (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  const Sets wanted{.effective = have->effective & effective, .permitted = have->permitted & permitted};
  if (!set_capabilities(wanted)) return fail_errno("give up capabilities", errno);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("give up new privileges", errno);
  return {};
}

}  // namespace

Status drop_capabilities() {
  constexpr auto kProbes = bit(CAP_BPF) | bit(CAP_PERFMON);
  const auto have = capabilities();
  allow_locked_memory();
  const bool stands_for_them = have && (have->effective & kProbes) != kProbes;
  return keep(stands_for_them ? kKept | bit(CAP_SYS_ADMIN) : kKept, kKept | bit(CAP_SYS_ADMIN));
}

Status drop_everything() {
  if (const auto who = caller(); who.behind_sudo) {
    if (auto status = become(who); !status) return status;
  }
  return keep(0, 0);
}

Status keep_capabilities_to_read() { return keep(kToRead, kToRead); }

AdminForAMoment::AdminForAMoment() {
  const auto have = capabilities();
  const auto admin = bit(CAP_SYS_ADMIN);
  if (!have || (have->permitted & admin) == 0 || (have->effective & admin) != 0) return;
  raised_ = set_capabilities({.effective = have->effective | admin, .permitted = have->permitted});
}

AdminForAMoment::~AdminForAMoment() {
  if (!raised_) return;
  const auto have = capabilities();
  if (have) set_capabilities({.effective = have->effective & ~bit(CAP_SYS_ADMIN), .permitted = have->permitted});
}

}  // namespace aiotrace::probe
