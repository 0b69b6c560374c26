// What a uprobe's trap costs on this machine now, measured on functions of this program.
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
  /// target, which have nothing to do in another process. `stepped`: that price is asked for too, it is dear to find
  /// out.
  [[nodiscard]] static Result<TrapMeter> attach(const bpf_program* entry, const bpf_program* back,
                                                const std::string& path, std::uint64_t offset, bool stepped);
  [[nodiscard]] static std::uintptr_t code();

  /// So many calls of each function. CPU time, as the target pays it: also where the machine is not always as fast.
  [[nodiscard]] TrapPrice measure(unsigned calls) const;

 private:
  std::vector<Link> links_;
  bool stepped_ = false;
};

}  // namespace aiotrace::probe
