#include "output/text/spinning.h"

#include <fmt/format.h>

#include "output/text/style.h"
#include "util/text.h"

namespace aiotrace::output {

std::string spinning_text(const model::SpinningLoop& loop) {
  auto text = fmt::format("pid {} thread {}: the loop {}: it comes back {} times a second without a wait", loop.pid,
                          clean_for_terminal(loop.thread), loop.ended ? "was spinning" : "spins",
                          format_count(loop.iterations_per_s));
  const auto file = clean_for_terminal(loop.file.substr(loop.file.rfind('/') + 1));
  const auto place = loop.line != 0 ? fmt::format(" ({}:{})", file, loop.line) : "";
  if (loop.task) {
    const auto name = clean_for_terminal(loop.task->name.value_or(""));
    return text + fmt::format(" for task {} ({}), which asks for its next turn at once{}", name.empty() ? "?" : name,
                              clean_for_terminal(loop.task->coroutine), place);
  }
  text += fmt::format(" to call {}{}", clean_for_terminal(loop.callback), place);
  if (loop.fd)
    text += fmt::format(
        ", as descriptor {} is ready each time (its peer has closed it, nobody reads its data, or new data "
        "comes all the time)",
        *loop.fd);
  return text;
}

}  // namespace aiotrace::output
