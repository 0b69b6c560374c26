#include "app/stack_files.h"

#include <utility>

#include "output/trace/pprof.h"
#include "output/trace/speedscope.h"
#include "util/version.h"

namespace aiotrace::app {

Result<StackFiles> StackFiles::open(const std::optional<std::string>& speedscope,
                                    const std::optional<std::string>& pprof) {
  StackFiles files;
  for (const auto& [path, into] : {std::pair{&speedscope, &files.speedscope_}, {&pprof, &files.pprof_}}) {
    auto sink = open_asked(*path);
    if (!sink) return std::unexpected(sink.error());
    *into = std::move(*sink);
  }
  return files;
}

void StackFiles::write(const model::WeightedStacks& stacks, const std::string& title, std::uint64_t time_ns,
                       std::uint64_t elapsed_ns, CommandOutput& out) {
  if (speedscope_)
    out.check(speedscope_->write_bytes(output::speedscope(stacks, title, "aiotrace " + std::string(kVersion))));
  if (!pprof_) return;
  const auto start_ns = static_cast<std::int64_t>(time_ns - elapsed_ns) + out.context().realtime_minus_monotonic_ns;
  const auto bytes = output::pprof(stacks, {.start_unix_ns = start_ns, .duration_ns = elapsed_ns});
  out.check(bytes ? pprof_->write_bytes(*bytes) : std::unexpected(bytes.error()));
}

}  // namespace aiotrace::app
