#include "app/exact_awaits.h"

#include <unistd.h>

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <span>
#include <string_view>
#include <unordered_map>

#include "app/chain_names.h"
#include "app/code_in_file.h"
#include "app/options.h"
#include "app/target_cost.h"
#include "model/exact_awaits.h"
#include "output/awaits.h"
#include "output/exact_awaits.h"
#include "output/labels.h"
#include "probe/privileges.h"
#include "probe/step_probe.h"
#include "probe/trap_site.h"
#include "proc/maps.h"
#include "proc/memory.h"
#include "proc/process.h"
#include "python/interpreter.h"
#include "python/steps.h"
#include "util/clock.h"
#include "util/text.h"

namespace aiotrace::app {
namespace {

using probe::StepPoint;

constexpr std::array<const char*, STEP_LOSS_MAX> kLosses = {"ring-full",    "tasks-full",   "sites-full",
                                                            "threads-full", "task-unknown", "chain-too-deep",
                                                            "groups-full",  "ready-unknown"};
constexpr std::uint64_t kLookNs = 100'000'000;
// Of the traps' price: at the start, and again and again in between, since the machine is not always as fast.
constexpr unsigned kPricedCalls = 500;
constexpr unsigned kRepricedCalls = 50;
constexpr std::uint64_t kRepriceNs = 500'000'000;

model::Durations durations_of(const step_stats& stats) {
  model::Durations durations{.count = stats.count, .total_ns = stats.total_ns, .max_ns = stats.max_ns, .buckets = {}};
  std::ranges::copy(stats.buckets, durations.buckets.begin());
  return durations;
}

// The automaton that finds `text` in a name byte by byte (Knuth, Morris, Pratt), cut to what it has states for.
void set_match(step_config& config, std::string_view text) {
  text = text.substr(0, MATCH_STATES - 1);
  config.match_length = static_cast<std::uint32_t>(text.size());
  std::size_t fallback = 0;  // the state that the text without its first character leads to
  for (std::size_t state = 0; state < text.size(); state++) {
    auto* next = config.match_next + state * 256;
    std::copy_n(config.match_next + fallback * 256, 256, next);
    const auto byte = static_cast<std::uint8_t>(text[state]);
    if (state > 0) fallback = config.match_next[fallback * 256 + byte];
    next[byte] = static_cast<std::uint8_t>(state + 1);
  }
}

std::string text_of(const group_key& key) {
  return utf8_from_cpython(std::as_bytes(std::span(key.text).first(std::min<std::size_t>(key.bytes, GROUP_TEXT))),
                           key.width) +
         (key.cut != 0 || key.bytes >= GROUP_TEXT ? "…" : "");
}

// /proc/self/exe is not this program where a loader was told to run it.
Status meter_traps(probe::StepProbe& probe, bool stepped) {
  const auto maps = proc::Maps::read(getpid());
  if (!maps) return std::unexpected(maps.error());
  const auto code = code_in_file(getpid(), *maps, probe::TrapMeter::code());
  if (!code) return std::unexpected(code.error());
  return probe.meter_traps(code->path, code->offset, stepped);
}

// Moves each to where its trap is cheapest; config learns of those that are dear there too.
Status choose_sites(python::StepFunctions& functions, const proc::Memory& memory, step_config& config) {
  std::size_t dear = 0;
  const auto choose = [&](std::uint64_t& address) -> Status {
    std::array<std::byte, 16> code{};
    if (!memory.read(address, code)) return fail("read the code of task steps", "the process has ended");
    const auto site = probe::trap_site(code);
    address += site.at;
    if (site.stepped && dear < std::size(config.stepped_at)) config.stepped_at[dear++] = address;
    return {};
  };
  if (auto status = choose(functions.send); !status) return status;
  if (auto status = choose(functions.raise); !status) return status;
  for (auto& address : functions.done) {
    if (auto status = choose(address); !status) return status;
  }
  return functions.task_made != 0 ? choose(functions.task_made) : Status{};
}

class ExactWatch {
 public:
  ExactWatch(const AwaitsOptions& options, const proc::Process& process, const python::Interpreter& interpreter,
             const proc::Memory& memory, probe::StepProbe probe)
      : options_(options),
        process_(process),
        names_(interpreter, memory, options.match),
        probe_(std::move(probe)),
        cost_(probe_.price(kPricedCalls), options.max_cost) {}

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
    return {};
  }

  Status run(const Interrupt& interrupt) {
    bool too_dear = false;
    std::uint64_t looked_ns = summary_.first_ns, priced_ns = looked_ns;
    const auto end_ns = options_.duration_ns ? summary_.first_ns + *options_.duration_ns : UINT64_MAX;
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
      // More than all of a thread's time is an error of the measurement, and 100 % allows all of it.
      too_dear = cost_.look(probe_.costs(), looked_ns) && options_.max_cost < 1;
      if (looked_ns - priced_ns < kRepriceNs) continue;
      priced_ns = looked_ns;
      cost_.reprice(probe_.price(kRepricedCalls));
    }
    summary_.time_ns = probe_.end();
    summary_.elapsed_ns = summary_.time_ns - summary_.first_ns;
    (void)cost_.look(probe_.costs(), summary_.time_ns);
    cost_.tell(summary_);
    summary_.too_dear = too_dear;
    probe_.detach();
    return name_chains();
  }

  void write(const std::string& title, output::FileSink* html, CommandOutput& out) {
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
    const auto delays = delay_rows();
    if (html != nullptr)
      out.check(html->write_bytes(output::exact_awaits_page(title, rows, delays, summary_, out.context())));
    if (out.has_text()) out.text(output::exact_awaits_text(rows, delays, options_.top, summary_, out.context()));
    if (!out.has_json()) return;
    const auto pid = static_cast<std::uint32_t>(options_.pid);
    for (const auto& row : rows) out.json(output::exact_await_json(row, pid));
    for (const auto& row : delays) out.json(output::delay_json(row, pid));
    out.json(output::exact_summary_json(summary_, out.context()));
  }

  /// Why it ended before its time, if it did.
  [[nodiscard]] Status early_end() const {
    if (!summary_.too_dear) return {};
    return fail(fmt::format("awaits --exact ended after {}", format_duration_ns(summary_.elapsed_ns)),
                fmt::format("it cost a thread of process {} more than {:.3g} % of its time (--max-cost)", options_.pid,
                            100 * options_.max_cost));
  }

  [[nodiscard]] std::uint64_t first_ns() const { return summary_.first_ns; }

 private:
  Status place(StepPoint point, std::uint64_t address, const proc::Maps& maps) {
    const auto code = code_in_file(options_.pid, maps, address);
    if (!code) return std::unexpected(code.error());
    return probe_.attach(point, code->path, code->offset);
  }

  [[nodiscard]] std::vector<model::DelayRow> delay_rows() const {
    std::vector<model::DelayRow> rows;
    for (const auto& [key, stats] : probe_.groups()) {
      const auto text = text_of(key);
      rows.push_back({.tasks = key.coroutine != 0 ? "" : text,
                      .coroutine = key.coroutine != 0 ? text : "",
                      .delay = durations_of(stats)});
    }
    std::ranges::stable_sort(rows, [](const auto& a, const auto& b) { return a.delay.total_ns > b.delay.total_ns; });
    return rows;
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
  TargetCost cost_;
  output::ExactSummary summary_;
};

}  // namespace

Status watch_exactly(const AwaitsOptions& options, const Interrupt& interrupt, output::FileSink* html,
                     CommandOutput& out) {
  const auto process = proc::Process::open(options.pid);
  if (!process) return std::unexpected(process.error());
  const auto maps = proc::Maps::read(options.pid);
  if (!maps) return std::unexpected(maps.error());
  const proc::LiveMemory memory(options.pid, interrupt.came);
  const auto interpreter = python::inspect(*process, *maps, memory);
  if (!interpreter) return std::unexpected(Error(interpreter.error()));
  auto functions = python::find_step_functions(*interpreter, *process, *maps, memory);
  if (!functions) return std::unexpected(functions.error());
  auto config = python::step_config_of(*interpreter, *process, *maps, memory);
  config.pid = static_cast<std::uint32_t>(options.pid);
  if (options.match) set_match(config, *options.match);
  if (auto status = choose_sites(*functions, memory, config); !status) return status;
  auto probe = probe::StepProbe::load(config);
  if (!probe) return std::unexpected(probe.error());
  if (auto status = meter_traps(*probe, config.stepped_at[0] != 0); !status) return status;
  ExactWatch watch(options, *process, *interpreter, memory, std::move(*probe));
  if (auto status = watch.attach(*functions, *maps); !status) return status;
  if (auto status = probe::drop_capabilities(); !status) return status;
  out.json(output::awaits_watching_json(static_cast<std::uint32_t>(options.pid), process->comm(),
                                        interpreter->version_text, kVersion, out.context(), watch.first_ns()));
  if (auto status = watch.run(interrupt); !status) return status;
  const auto title = output::process_label(static_cast<std::uint32_t>(options.pid), process->comm(),
                                           interpreter->version_text);
  watch.write(title, html, out);
  return watch.early_end();
}

}  // namespace aiotrace::app
