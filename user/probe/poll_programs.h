// The programs that see the entries of polls: which ones are loaded, and which of them attach.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "probe/handles.h"
#include "probe/poll_probe.h"
#include "util/result.h"

struct aiotrace_bpf;
struct bpf_program;

namespace aiotrace::probe {

/// What a way was refused for.
struct Refusal {
  PollProbe way = PollProbe::automatic;
  std::string why;
};

/// Tries `ways` in order until `attach` succeeds with one: that one. `refused` gets those before it, or all of them
/// with the last one's error as the result.
[[nodiscard]] Result<PollProbe> first_that_attaches(std::span<const PollProbe> ways,
                                                    const std::function<Status(PollProbe)>& attach,
                                                    std::vector<Refusal>& refused);

class PollPrograms {
 public:
  /// `each_process`: the uprobe may serve, which is attached to each process; else all polls of the machine count.
  PollPrograms(PollProbe wanted, bool each_process) : wanted_(wanted), each_process_(each_process) {}

  /// Before anything is loaded. Errors: unsupported, if fentry is asked for and this kernel forbids it.
  Status choose();
  /// The programs with fentry do not load. False if there is no other way: `wanted` is no other.
  [[nodiscard]] bool give_up_fentry(std::string why);
  void set_autoload(const aiotrace_bpf& skeleton);
  /// No other way attaches: the uprobe's programs are to be loaded too. False: they are, or may not serve. Loading them
  /// takes the verifier 80 ms, and few need them.
  [[nodiscard]] bool take_uprobe();
  /// Where `automatic` has loaded programs that do not attach, the next way serves: some kernels load fentry programs
  /// and then refuse to attach them, or have no room for another one.
  Status attach(const aiotrace_bpf& skeleton);

  /// Never `automatic`.
  [[nodiscard]] PollProbe way() const { return way_; }
  /// Why fentry is not in use though it is preferred; nothing if it is in use, or was not asked for.
  [[nodiscard]] const std::optional<std::string>& fentry_problem() const { return fentry_problem_; }
  /// For whoever closes them beside others; nothing is seen any more then.
  [[nodiscard]] std::vector<Link> take_links() { return std::exchange(links_, {}); }
  /// What is not as it should be, a line each.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

 private:
  [[nodiscard]] std::vector<PollProbe> ways() const;
  Status attach_way(PollProbe way, const aiotrace_bpf& skeleton);
  Status attach_program(bpf_program* program);
  Status attach_tracepoint(const aiotrace_bpf& skeleton, std::string_view call);
  Status attach_tracepoints(const aiotrace_bpf& skeleton);
  Status attach_fentry(const aiotrace_bpf& skeleton);
  void attach_select(const aiotrace_bpf& skeleton);

  PollProbe wanted_;
  bool each_process_;
  PollProbe way_ = PollProbe::tracepoint;
  bool with_uprobe_ = false;
  bool raw_tracepoint_ = false;  // tracefs can't be had; known where the tracepoint serves or may have to
  std::string why_raw_tracepoint_;
  std::optional<std::string> fentry_problem_;
  std::vector<std::string> notes_;
  std::vector<Link> links_;
};

}  // namespace aiotrace::probe
