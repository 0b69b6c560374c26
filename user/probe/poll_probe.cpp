#include "probe/poll_probe.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "util/unique_fd.h"

namespace aiotrace::probe {

// The kernel's answer to a fentry program on a symbol that is no function: a kernel that forbids all fentry programs
// returns EPERM before it checks the symbol. This is much cheaper than a real program, for which libbpf reads all of
// the kernel's types.
bool fentry_forbidden() {
  constexpr std::array<bpf_insn, 2> kReturnZero{{
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 0},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
  }};
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_FENTRY, .attach_btf_id = 1);
  const UniqueFd program(
      bpf_prog_load(BPF_PROG_TYPE_TRACING, "try_fentry", "GPL", kReturnZero.data(), kReturnZero.size(), &options));
  return !program && errno == EPERM;
}

bool has_epoll_pwait2() {
  return syscall(SYS_epoll_pwait2, -1, nullptr, 0, nullptr, nullptr, 0) == 0 || errno != ENOSYS;
}

}  // namespace aiotrace::probe
