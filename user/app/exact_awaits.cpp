#include "app/exact_awaits.h"

#include <unistd.h>

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <span>
#include <unordered_set>
#include <utility>
#include <vector>

#include "app/chain_names.h"
#include "app/code_in_file.h"
#include "app/memory_access.h"
#include "app/silent_tasks.h"
#include "app/target_cost.h"
#include "decode/decode.h"
#include "machine/machine.h"
#include "model/exact_awaits.h"
#include "output/labels.h"
#include "probe/permissions.h"
#include "probe/privileges.h"
#include "probe/step_probe.h"
#include "proc/maps.h"
#include "proc/memory.h"
#include "proc/process.h"
#include "python/interpreter.h"
#include "python/other_loops.h"
#include "python/steps.h"
#include "python/tasks.h"
#include "util/clock.h"
#include "util/duration.h"
#include "util/progress.h"
#include "util/text.h"
#include "util/version.h"

namespace aiotrace::app {
namespace {

using probe::StepPoint;

constexpr std::uint64_t kLookNs = 100'000'000;
// The price of traps is measured at the start, and repeatedly after it, because the machine's speed changes.
constexpr unsigned kPricedCalls = 500;
constexpr unsigned kRepricedCalls = 50;
constexpr std::uint64_t kRepriceNs = 500'000'000;

// /proc/self/exe is not this program if it was started by an explicit loader.
Status meter_traps(probe::StepProbe& probe, bool stepped) {
  const auto maps = proc::Maps::read(getpid());
  if (!maps) return std::unexpected(maps.error());
  const auto code = code_in_file(getpid(), *maps, probe::TrapMeter::code());
  if (!code) return std::unexpected(code.error());
  return probe.meter_traps(code->path, code->offset, stepped);
}

// Moves each address to the place where its trap is cheapest; `dear` gets those that still cost two traps there.
Status choose_sites(python::StepFunctions& functions, const proc::Memory& memory, std::vector<std::uint64_t>& dear) {
  const auto choose = [&](std::uint64_t& address) -> Status {
    std::array<std::byte, 16> code{};
    if (!memory.read(address, code)) return fail("read the code of task steps", "the process has ended");
    const auto site = machine::here().trap_site(code);
    address += site.at;
    if (site.stepped) dear.push_back(address);
    return {};
  };
  if (auto status = choose(functions.send); !status) return status;
  if (auto status = choose(functions.raise); !status) return status;
  for (auto& address : functions.done) {
    if (auto status = choose(address); !status) return status;
  }
  return functions.task_made != 0 ? choose(functions.task_made) : Status{};
}

// A process that has ended did have an asyncio, or would have been refused at the start.
bool runs_asyncio(const python::Interpreter& interpreter, const proc::Process& process) {
  const proc::LiveMemory memory(process.pid());  // the other thread's read may have been interrupted
  python::TaskReader reader(interpreter, process, memory);
  const auto snapshot = reader.read();
  return !snapshot || !snapshot->loops.empty() || !snapshot->tasks.empty();
}

class ExactWatch {
 public:
  ExactWatch(const ExactAwaitsConfig& config, const proc::Process& process, const python::Interpreter& interpreter,
             const proc::Memory& memory, probe::StepProbe probe)
      : config_(config),
        process_(process),
        interpreter_(interpreter),
        names_(interpreter, memory, config.match),
        tasks_(interpreter, process, memory),
        silent_(config.match),
        probe_(std::move(probe)),
        cost_(probe_.price(kPricedCalls), config.max_cost) {}

  Status attach(const python::StepFunctions& functions, const proc::Maps& maps) {
    if (auto status = place(StepPoint::send, functions.send, maps); !status) return status;
    if (auto status = place(StepPoint::raise, functions.raise, maps); !status) return status;
    for (const auto address : functions.done) {
      if (auto status = place(StepPoint::future_done, address, maps); !status) return status;
    }
    if (functions.task_made != 0) {
      if (auto status = place(StepPoint::task_made, functions.task_made, maps); !status) return status;
    }
    summary_.first_ns = probe_.begin();
    (void)cost_.look({}, summary_.first_ns);
    // A process that has ended has none.
    if (const auto snapshot = tasks_.read()) silent_.begin(*snapshot);
    return {};
  }

  Status run(const Interrupt& interrupt, const std::string& title) {
    Progress progress(fmt::format("times every await of the tasks of {}{}", title,
                                  how_to_end(config_.duration_ns.value_or(0), "the tables")));
    bool too_dear = false;
    std::uint64_t looked_ns = summary_.first_ns, priced_ns = looked_ns;
    const auto end_ns = config_.duration_ns ? summary_.first_ns + *config_.duration_ns : UINT64_MAX;
    for (auto now = monotonic_ns(); now < end_ns && !too_dear; now = monotonic_ns()) {
      std::array<pollfd, 3> fds{
          {{probe_.fd(), POLLIN, 0}, {process_.pidfd(), POLLIN, 0}, {interrupt.fd.get(), POLLIN, 0}}};
      const auto left = to_timespec(std::min(kLookNs, end_ns - now));
      if (ppoll(fds.data(), fds.size(), &left, nullptr) < 0 && errno != EINTR)
        return fail_errno("wait for awaits", errno);
      if (auto status = name_chains(); !status) return status;
      if (fds[1].revents != 0 || fds[2].revents != 0) break;
      if (monotonic_ns() - looked_ns < kLookNs) continue;
      looked_ns = monotonic_ns();
      progress.update(looked_ns, [this] { return seen_text(); });
      // A share above 100 % is a measurement error, and a limit of 100 % allows everything.
      too_dear = cost_.look(probe_.costs(), looked_ns) && config_.max_cost < 1;
      if (looked_ns - priced_ns < kRepriceNs) continue;
      priced_ns = looked_ns;
      cost_.reprice(probe_.price(kRepricedCalls));
    }
    summary_.time_ns = probe_.end();
    summary_.elapsed_ns = summary_.time_ns - summary_.first_ns;
    (void)cost_.look(probe_.costs(), summary_.time_ns);
    cost_.fill(summary_);
    summary_.too_dear = too_dear;
    probe_.detach();
    if (silent_.since_ns() != 0) read_at_end();
    return name_chains();
  }

  [[nodiscard]] bool saw_awaits() const { return !probe_.sites().empty() || !probe_.groups().empty(); }

  [[nodiscard]] model::ExactFound found(bool has_loop) {
    model::ExactAwaits sites;
    for (const auto& site : probe_.sites()) {
      if (wanted(site.chain, site.matched)) sites.add(site_of(site.chain), site.waited, {});
    }
    add_in_flight(sites);
    for (const auto& [name, count] : probe_.losses()) summary_.losses[std::string(name)] = count;
    summary_.slow_ns = config_.slow_ns;
    summary_.cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    return {.rows = sites.rows(), .delays = delay_rows(), .summary = summary_, .has_loop = has_loop};
  }

  /// Why it ended early, if it did.
  [[nodiscard]] Status early_end() const {
    if (!summary_.too_dear) return {};
    return fail(fmt::format("awaits --exact ended after {}", format_duration_ns(summary_.elapsed_ns)),
                fmt::format("it cost a thread of process {} more than {:.3g} % of its time (--max-cost)", config_.pid,
                            100 * config_.max_cost));
  }

  [[nodiscard]] std::uint64_t first_ns() const { return summary_.first_ns; }

 private:
  Status place(StepPoint point, std::uint64_t address, const proc::Maps& maps) {
    const auto code = code_in_file(config_.pid, maps, address);
    if (!code) return std::unexpected(code.error());
    return probe_.attach(point, code->path, code->offset);
  }

  [[nodiscard]] bool wanted(std::uint64_t chain, bool matched) const {
    if (!config_.match || matched) return true;
    const auto* named = names_.find(chain);
    return named != nullptr && named->wanted;
  }

  [[nodiscard]] model::AwaitSite site_of(std::uint64_t chain) const {
    if (const auto* named = names_.find(chain)) return named->site;
    model::AwaitSite site;
    site.coroutine = "[unnamed]";
    return site;
  }

  // The probes know the tasks that made steps; the other tasks come from the snapshots.
  void add_in_flight(model::ExactAwaits& sites) {
    const auto end_ns = summary_.time_ns;
    const auto since = [end_ns](std::uint64_t ns) { return end_ns - std::min(end_ns, ns); };
    std::unordered_set<std::uint64_t> stepped;
    for (const auto& task : probe_.waiting()) {
      stepped.insert(task.task);
      if (!wanted(task.chain, task.matched)) continue;
      sites.add(site_of(task.chain), {},
                {.count = 1,
                 .total_ns = since(std::max<std::uint64_t>(task.since_ns, summary_.first_ns)),
                 .longest_ns = since(task.since_ns)});
    }
    if (!at_end_) return;
    const auto waited_ns = since(silent_.since_ns());
    for (const auto& site : silent_.end(*at_end_, stepped))
      sites.add(site, {}, {.count = 1, .total_ns = waited_ns, .longest_ns = waited_ns});
  }

  [[nodiscard]] std::vector<model::DelayRow> delay_rows() const {
    std::vector<model::DelayRow> rows;
    for (const auto& group : probe_.groups()) {
      rows.push_back({.tasks = group.is_coroutine ? "" : group.name,
                      .coroutine = group.is_coroutine ? group.name : "",
                      .delay = group.delays});
    }
    std::ranges::stable_sort(rows, [](const auto& a, const auto& b) { return a.delay.total_ns > b.delay.total_ns; });
    return rows;
  }

  [[nodiscard]] std::string seen_text() const {
    std::uint64_t awaits = 0;
    const auto sites = probe_.sites();
    for (const auto& site : sites) awaits += site.waited.count;
    return fmt::format("{} awaits at {} await chains", format_count(awaits), format_count(sites.size()));
  }

  // The user may have requested the end, which otherwise makes all memory reads fail.
  void read_at_end() {
    const proc::LiveMemory memory(config_.pid);
    python::TaskReader tasks(interpreter_, process_, memory);
    if (auto snapshot = tasks.read()) at_end_ = std::move(*snapshot);
  }

  Status name_chains() {
    Status status;
    const auto take = [&](std::span<const std::byte> record) {
      const auto chain = decode::decode_chain(record);
      if (!chain) return;
      const auto& named = names_.add(*chain);
      if (named.done && status) status = probe_.set_named(chain->chain, !named.wanted);
    };
    if (auto consumed = probe_.consume(take); !consumed) return consumed;
    return status;
  }

  const ExactAwaitsConfig& config_;
  const proc::Process& process_;
  const python::Interpreter& interpreter_;
  ChainNames names_;
  python::TaskReader tasks_;
  SilentTasks silent_;
  std::optional<python::TaskSnapshot> at_end_;  // nothing: the process has ended
  probe::StepProbe probe_;
  TargetCost cost_;
  model::ExactSummary summary_;
};

}  // namespace

Status watch_exactly(const ExactAwaitsConfig& config, const Interrupt& interrupt, AwaitsOutputs& out) {
  if (auto status = probe::check_host(); !status) return status;
  if (auto status = probe::drop_capabilities(); !status) return status;
  const auto process = proc::Process::open(config.pid);
  if (!process) return std::unexpected(process.error());
  const auto maps = proc::Maps::read(config.pid);
  if (!maps) return std::unexpected(maps.error());
  const proc::LiveMemory memory(config.pid, interrupt.came);
  const auto interpreter = python::inspect(*process, *maps, memory);
  if (!interpreter) return std::unexpected(python::as_error(interpreter.error(), *process));
  if (const auto why = python::why_no_tasks(*interpreter, *process, memory))
    return fail("tasks of process " + std::to_string(config.pid), *why, {}, ErrorKind::unsupported);
  auto functions = python::find_step_functions(*interpreter, *process, *maps, memory);
  if (!functions) return std::unexpected(functions.error());
  probe::StepOptions options{.match = config.match};
  if (auto status = choose_sites(*functions, memory, options.stepped_at); !status) return status;
  auto probe = probe::StepProbe::load(python::step_config_of(*interpreter, *process, *maps, memory), options);
  if (!probe) return std::unexpected(probe.error());
  if (auto status = meter_traps(*probe, !options.stepped_at.empty()); !status) return status;
  ExactWatch watch(config, *process, *interpreter, memory, std::move(*probe));
  if (auto status = watch.attach(*functions, *maps); !status) return status;
  out.begin({.time_ns = watch.first_ns(),
             .version = kVersion,
             .pid = static_cast<std::uint32_t>(config.pid),
             .comm = process->comm(),
             .python = interpreter->version_text,
             .top = config.top});
  const auto title = output::process_label(static_cast<std::uint32_t>(config.pid), process->comm(),
                                           interpreter->version_text);
  if (auto status = watch.run(interrupt, title); !status) return status;
  const bool has_loop = watch.saw_awaits() || runs_asyncio(*interpreter, *process);
  out.finish(watch.found(has_loop));
  if (!has_loop) return no_asyncio_loop(*process);
  return watch.early_end();
}

}  // namespace aiotrace::app
