#include "probe/privileges.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>

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

// The inheritable set is emptied.
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

Status keep(std::uint64_t effective, std::uint64_t permitted) {
  const auto have = capabilities();
  if (!have) return fail_errno("read own capabilities", errno);
  const Sets wanted{.effective = have->effective & effective, .permitted = have->permitted & permitted};
  if (!set_capabilities(wanted)) return fail_errno("give up capabilities", errno);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("give up new privileges", errno);
  return {};
}

}  // namespace

Status drop_capabilities() { return keep(kKept, kKept | bit(CAP_SYS_ADMIN)); }

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
