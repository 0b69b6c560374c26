#include "app/stack_files.h"

#include <algorithm>
#include <utility>

#include "util/version.h"

namespace aiotrace::app {

Result<StackFiles> StackFiles::open(const OutputFiles& paths) {
  StackFiles files;
  for (std::size_t i = 0; i < files.sinks_.size(); ++i) {
    auto sink = open_asked(paths.stacks[i]);
    if (!sink) return std::unexpected(sink.error());
    files.sinks_[i] = std::move(*sink);
  }
  return files;
}

bool StackFiles::wanted() const {
  return std::ranges::any_of(sinks_, [](const auto& sink) { return sink != nullptr; });
}

void StackFiles::write(const model::WeightedStacks& stacks, const std::string& title, std::uint64_t time_ns,
                       std::uint64_t elapsed_ns, CommandOutput& out) {
  const output::StackFileHead head{.title = title,
                                   .exporter = "aiotrace " + std::string(kVersion),
                                   .start_unix_ns = static_cast<std::int64_t>(time_ns - elapsed_ns) +
                                                    out.context().realtime_minus_monotonic_ns,
                                   .duration_ns = elapsed_ns};
  for (std::size_t i = 0; i < sinks_.size(); ++i) {
    if (!sinks_[i]) continue;
    const auto bytes = output::kStackFormatTable[i].bytes(stacks, head);
    out.check(bytes ? sinks_[i]->write_bytes(*bytes) : std::unexpected(bytes.error()));
  }
}

}  // namespace aiotrace::app
