#include "app/commands/fail_on_hang.h"

#include <algorithm>

#include "app/cli/exit_status.h"
#include "app/cli/messages.h"

namespace aiotrace::app {

int status_of_hangs(const model::Summary& summary) {
  const bool proved = std::ranges::any_of(summary.hangs, model::is_proved);
  if (proved) return kExitStall;
  if (summary.hang_looks != 0) return 0;
  return report(fail("--fail-on-hang", "there was no look that saw all tasks, so hangs are not ruled out").error());
}

}  // namespace aiotrace::app
