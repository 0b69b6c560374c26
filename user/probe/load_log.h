// Messages of libbpf and of the kernel's verifier while programs are loaded and attached.
#pragma once

#include <string>
#include <string_view>
#include <vector>

struct bpf_object;

namespace aiotrace::probe {

/// From now on the libbpf warnings of this thread are stored instead of printed.
void keep_warnings();
void forget_warnings();

/// The first warning since the last reset, on one line, with the verifier's reason if it refused a program; empty if
/// there is none.
[[nodiscard]] std::string last_warning();

/// The verifier's reason in a libbpf warning that contains its log ("-- BEGIN PROG LOAD LOG --"): the last lines before
/// its statistics; empty if there is none.
[[nodiscard]] std::string verifier_reason(std::string_view warning);

/// The load time of each program of an object, as the verifier reports it (BPF_LOG_STATS, Linux 5.2): requested before
/// the load, read after it.
class LoadStatistics {
 public:
  /// The object must be opened and not yet loaded; this must outlive its load.
  explicit LoadStatistics(bpf_object* object);
  /// One line for each loaded program: "program NAME: N instructions verified in T µs".
  [[nodiscard]] std::vector<std::string> lines() const;

 private:
  struct Program {
    std::string name;
    std::vector<char> log;
  };
  std::vector<Program> programs_;
};

}  // namespace aiotrace::probe
