#include "util/log.h"

#include <unistd.h>

#include <mutex>
#include <utility>

#include "util/progress.h"
#include "util/text.h"

namespace aiotrace {

namespace {

struct Taker {
  std::mutex mutex;
  std::function<void(const std::string&)> take;
};

Taker& taker() {
  static Taker only;
  return only;
}

void set_taker(std::function<void(const std::string&)> take) {
  const std::lock_guard lock(taker().mutex);
  taker().take = std::move(take);
}

}  // namespace

void say(const std::string& message) {
  {
    const std::lock_guard lock(taker().mutex);
    if (taker().take) {
      taker().take(message);
      return;
    }
  }
  clear_progress();
  const std::string line = "aiotrace: " + clean_for_terminal(message) + "\n";
  (void)!::write(STDERR_FILENO, line.data(), line.size());
}

MessageTaker::MessageTaker(std::function<void(const std::string&)> take) { set_taker(std::move(take)); }

MessageTaker::~MessageTaker() { set_taker(nullptr); }

}  // namespace aiotrace
