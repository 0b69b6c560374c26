// The cost of a uprobe's trap on this machine now, measured on functions of this program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "probe/handles.h"
#include "util/result.h"

struct bpf_program;

namespace aiotrace::probe {

struct TrapPrice {
  double entry_ns = 0;
  double stepped_ns = 0;  ///< an entry at an instruction that the kernel single-steps
  double return_ns = 0;
};

class TrapMeter {
 public:
  /// `path` is the file that code() is mapped from, `offset` where in it that is. The two programs are those of the
  /// target, and do nothing in another process. `stepped`: also measures that price, which is expensive.
  [[nodiscard]] static Result<TrapMeter> attach(const bpf_program* entry, const bpf_program* back,
                                                const std::string& path, std::uint64_t offset, bool stepped);
  [[nodiscard]] static std::uintptr_t code();

  /// Makes this many calls of each function. Measures CPU time, which is what the target pays, also on machines whose
  /// speed varies.
  [[nodiscard]] TrapPrice measure(unsigned calls) const;

 private:
  std::vector<Link> links_;
  bool stepped_ = false;
};

}  // namespace aiotrace::probe
