#include "util/log.h"

#include <unistd.h>

#include "util/progress.h"
#include "util/text.h"

namespace aiotrace {

void say(const std::string& message) {
  clear_progress();
  const std::string line = "aiotrace: " + clean_for_terminal(message) + "\n";
  (void)!::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace aiotrace
