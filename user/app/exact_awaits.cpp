#include "app/exact_awaits.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <unordered_map>

#include "app/chain_names.h"
#include "app/options.h"
#include "model/exact_awaits.h"
#include "output/awaits.h"
#include "output/exact_awaits.h"
#include "probe/privileges.h"
#include "probe/step_probe.h"
#include "proc/maps.h"
#include "proc/memory.h"
#include "proc/process.h"
#include "python/interpreter.h"
#include "python/steps.h"
#include "util/clock.h"

namespace aiotrace::app {
namespace {

using probe::StepPoint;

constexpr std::array<const char*, STEP_LOSS_MAX> kLosses = {"ring-full",    "tasks-full",   "sites-full",
                                                            "threads-full", "task-unknown", "chain-too-deep",
                                                            "ready-unknown"};

model::Durations durations_of(const step_stats& stats) {
  model::Durations durations{.count = stats.count, .total_ns = stats.total_ns, .max_ns = stats.max_ns, .buckets = {}};
  std::ranges::copy(stats.buckets, durations.buckets.begin());
  return durations;
}

class ExactWatch {
 public:
  ExactWatch(const AwaitsOptions& options, const proc::Process& process, const python::Interpreter& interpreter,
             const proc::Memory& memory, probe::StepProbe probe)
      : options_(options), process_(process), names_(interpreter, memory, options.match), probe_(std::move(probe)) {}

  Status attach(const python::StepFunctions& functions, const proc::Maps& maps) {
    if (auto status = place(StepPoint::send, functions.send, maps); !status) return status;
    if (auto status = place(StepPoint::throw_, functions.throw_, maps); !status) return status;
    summary_.first_ns = probe_.begin();
    return {};
  }

  Status run(const Interrupt& interrupt) {
    constexpr std::uint64_t kLookNs = 100'000'000;
    const auto end_ns = options_.duration_ns ? summary_.first_ns + *options_.duration_ns : UINT64_MAX;
    for (auto now = monotonic_ns(); now < end_ns; now = monotonic_ns()) {
      std::array<pollfd, 3> fds{
          {{probe_.fd(), POLLIN, 0}, {process_.pidfd(), POLLIN, 0}, {interrupt.fd.get(), POLLIN, 0}}};
      const auto left = to_timespec(std::min(kLookNs, end_ns - now));
      if (ppoll(fds.data(), fds.size(), &left, nullptr) < 0 && errno != EINTR)
        return fail_errno("wait for awaits", errno);
      if (auto status = name_chains(); !status) return status;
      if (fds[1].revents != 0 || fds[2].revents != 0) break;
    }
    summary_.time_ns = probe_.end();
    summary_.elapsed_ns = summary_.time_ns - summary_.first_ns;
    probe_.detach();
    return name_chains();
  }

  void write(CommandOutput& out) {
    model::ExactAwaits sites;
    std::unordered_map<std::uint64_t, std::uint64_t> now;  // by chain
    for (const auto& task : probe_.waiting()) now[task.chain]++;
    for (const auto& [key, stats] : probe_.sites()) {
      const auto* named = names_.find(key.chain);
      if (options_.match && key.matched == 0 && (named == nullptr || !named->wanted)) continue;
      model::AwaitSite site;
      if (named != nullptr)
        site = named->site;
      else
        site.coroutine = "[unnamed]";
      sites.add(site, durations_of(stats), std::exchange(now[key.chain], 0));
    }
    const auto lost = probe_.losses();
    for (std::size_t i = 0; i < lost.size(); i++) summary_.losses[kLosses[i]] = lost[i];
    summary_.slow_ns = options_.slow_ns;
    summary_.cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    const auto rows = sites.rows();
    const std::vector<model::DelayRow> delays;
    if (out.has_text()) out.text(output::exact_awaits_text(rows, delays, options_.top, summary_, out.context()));
    if (!out.has_json()) return;
    const auto pid = static_cast<std::uint32_t>(options_.pid);
    for (const auto& row : rows) out.json(output::exact_await_json(row, pid));
    for (const auto& row : delays) out.json(output::delay_json(row, pid));
    out.json(output::exact_summary_json(summary_, out.context()));
  }

  [[nodiscard]] std::uint64_t first_ns() const { return summary_.first_ns; }

 private:
  Status place(StepPoint point, std::uint64_t address, const proc::Maps& maps) {
    const auto* mapping = maps.find(address);
    if (mapping == nullptr) return fail("probe task steps", "their code is not mapped any more");
    const auto path = fmt::format("/proc/{}/map_files/{:x}-{:x}", options_.pid, mapping->start, mapping->end);
    return probe_.attach(point, path, address - mapping->start + mapping->offset);
  }

  Status name_chains() {
    Status status;
    const auto take = [&](const chain_record& record) {
      const auto& named = names_.add(record);
      if (named.done && status) status = probe_.set_named(record.chain, !named.wanted);
    };
    if (auto consumed = probe_.consume(take); !consumed) return consumed;
    return status;
  }

  const AwaitsOptions& options_;
  const proc::Process& process_;
  ChainNames names_;
  probe::StepProbe probe_;
  output::ExactSummary summary_;
};

}  // namespace

Status watch_exactly(const AwaitsOptions& options, const Interrupt& interrupt, CommandOutput& out) {
  const auto process = proc::Process::open(options.pid);
  if (!process) return std::unexpected(process.error());
  const auto maps = proc::Maps::read(options.pid);
  if (!maps) return std::unexpected(maps.error());
  const proc::LiveMemory memory(options.pid, interrupt.came);
  const auto interpreter = python::inspect(*process, *maps, memory);
  if (!interpreter) return std::unexpected(Error(interpreter.error()));
  const auto functions = python::find_step_functions(*interpreter, *process, *maps, memory);
  if (!functions) return std::unexpected(functions.error());
  auto config = python::step_config_of(*interpreter, memory);
  config.pid = static_cast<std::uint32_t>(options.pid);
  auto probe = probe::StepProbe::load(config);
  if (!probe) return std::unexpected(probe.error());
  ExactWatch watch(options, *process, *interpreter, memory, std::move(*probe));
  if (auto status = watch.attach(*functions, *maps); !status) return status;
  if (auto status = probe::drop_capabilities(); !status) return status;
  out.json(output::awaits_watching_json(static_cast<std::uint32_t>(options.pid), process->comm(),
                                        interpreter->version_text, kVersion, out.context(), watch.first_ns()));
  if (auto status = watch.run(interrupt); !status) return status;
  watch.write(out);
  return {};
}

}  // namespace aiotrace::app
