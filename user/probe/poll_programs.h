// The programs that see the entries of polls: which ones are loaded, and which are attached.
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

/// Why a way was refused.
struct Refusal {
  PollProbe way = PollProbe::automatic;
  std::string why;
};

/// Tries `ways` in order until `attach` succeeds with one, and returns that one. `refused` gets the ways before it; if
/// all fail, it gets all of them, and the last error is the result.
[[nodiscard]] Result<PollProbe> first_that_attaches(std::span<const PollProbe> ways,
                                                    const std::function<Status(PollProbe)>& attach,
                                                    std::vector<Refusal>& refused);

class PollPrograms {
 public:
  /// `each_process`: the uprobe is allowed, which is attached to each process; otherwise all polls of the machine must
  /// be seen.
  PollPrograms(PollProbe wanted, bool each_process) : wanted_(wanted), each_process_(each_process) {}

  /// To be called before anything is loaded. Errors: unsupported, if fentry is asked for and this kernel forbids it.
  Status choose();
  /// Called if the fentry programs do not load. False if there is no alternative, because `wanted` excludes it.
  [[nodiscard]] bool give_up_fentry(std::string why);
  void set_autoload(const aiotrace_bpf& skeleton);
  /// Called if no other way attaches: the uprobe programs must be loaded too. False: they are already loaded, or not
  /// allowed. They are loaded late because the verifier takes 80 ms for them, and few runs need them.
  [[nodiscard]] bool take_uprobe();
  /// If programs that `automatic` has loaded do not attach, the next way is used: some kernels load fentry programs and
  /// then refuse to attach them, or have no room for another one.
  Status attach(const aiotrace_bpf& skeleton);

  /// Never `automatic`.
  [[nodiscard]] PollProbe way() const { return way_; }
  /// Why fentry is not used although it is preferred; nothing if it is used, or was not requested.
  [[nodiscard]] const std::optional<std::string>& fentry_problem() const { return fentry_problem_; }
  /// For a caller that closes them together with other links; after that nothing is seen any more.
  [[nodiscard]] std::vector<Link> take_links() { return std::exchange(links_, {}); }
  /// Problems, one line each.
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
  bool raw_tracepoint_ = false;  // tracefs is not available; determined if the tracepoint is used or may be needed
  std::string why_raw_tracepoint_;
  std::optional<std::string> fentry_problem_;
  std::vector<std::string> notes_;
  std::vector<Link> links_;
};

}  // namespace aiotrace::probe
