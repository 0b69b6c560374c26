#include "probe/step_probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "abi/steps.h"
#include "probe/handles.h"
#include "probe/load_log.h"
#include "probe/map_values.h"
#include "probe/perf_events.h"
#include "probe/permissions.h"
#include "steps.skel.h"
#include "util/clock.h"

namespace aiotrace::probe {

namespace {

constexpr std::array<std::string_view, STEP_LOSS_MAX> kLosses = {"ring-full",    "tasks-full",   "sites-full",
                                                                 "threads-full", "task-unknown", "chain-too-deep",
                                                                 "groups-full",  "ready-unknown"};

struct StepRingCloser {
  void operator()(ring_buffer* ring) const noexcept { ring_buffer__free(ring); }
};

// Reads every entry of a hash map. A deletion during the walk may end the walk or restart it, so it is bounded by the
// map's size.
template <class Key, class Value, class Take>
void each(const bpf_map* map, Take take) {
  std::optional<Key> before;
  for (std::uint32_t i = bpf_map__max_entries(map); i > 0; i--) {
    Key key;
    if (bpf_map__get_next_key(map, before ? &*before : nullptr, &key, sizeof(key)) != 0) return;
    Value value;
    if (bpf_map__lookup_elem(map, &key, sizeof(key), &value, sizeof(value), 0) == 0) take(key, value);
    before = key;
  }
}

// The automaton that finds `text` in a name byte by byte (Knuth, Morris, Pratt), cut to the available number of states.
void set_match(step_config& config, std::string_view text) {
  text = text.substr(0, MATCH_STATES - 1);
  config.match_length = static_cast<std::uint32_t>(text.size());
  std::size_t fallback = 0;  // the state for the text without its first character
  for (std::size_t state = 0; state < text.size(); state++) {
    auto* next = config.match_next + state * 256;
    std::copy_n(config.match_next + fallback * 256, 256, next);
    const auto byte = static_cast<std::uint8_t>(text[state]);
    if (state > 0) fallback = config.match_next[fallback * 256 + byte];
    next[byte] = static_cast<std::uint8_t>(state + 1);
  }
}

}  // namespace

struct StepProbe::Impl {
  Skeleton<steps_bpf> skeleton;
  std::unique_ptr<ring_buffer, StepRingCloser> ring;
  Links links;
  std::optional<TrapMeter> meter;
  pid_t pid = 0;
  const std::function<void(std::span<const std::byte>)>* take = nullptr;

  static int on_record(void* context, void* data, size_t size) {
    const auto* self = static_cast<const Impl*>(context);
    if (self->take != nullptr) (*self->take)({static_cast<const std::byte*>(data), size});
    return 0;
  }
};

StepProbe::StepProbe(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StepProbe::StepProbe(StepProbe&&) noexcept = default;
StepProbe& StepProbe::operator=(StepProbe&&) noexcept = default;
StepProbe::~StepProbe() = default;

Result<StepProbe> StepProbe::load(const step_config& process, const StepOptions& options) {
  keep_warnings();
  forget_warnings();
  libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
  if (auto status = check_host(); !status) return std::unexpected(status.error());
  auto impl = std::make_unique<Impl>();
  impl->pid = static_cast<pid_t>(process.pid);
  impl->skeleton.reset(steps_bpf::open());
  if (!impl->skeleton) return load_error("open the BPF programs", errno, last_warning());
  step_config config = process;
  if (options.match) set_match(config, *options.match);
  std::copy_n(options.stepped_at.begin(), std::min(options.stepped_at.size(), std::size(config.stepped_at)),
              config.stepped_at);
  std::memcpy(&impl->skeleton->rodata->config, &config, sizeof(config));
  if (const int error = steps_bpf::load(impl->skeleton.get()); error != 0)
    return load_error("load the BPF programs", -error, last_warning());
  impl->ring.reset(ring_buffer__new(bpf_map__fd(impl->skeleton->maps.ring), Impl::on_record, impl.get(), nullptr));
  if (!impl->ring) return load_error("map the ring buffer", errno, last_warning());
  return StepProbe(std::move(impl));
}

Status StepProbe::attach(StepPoint point, const std::string& path, std::uint64_t offset) {
  const auto& programs = impl_->skeleton->progs;
  const auto place = [&](bpf_program* program, bool at_return) -> Status {
    auto link = attach_uprobe(program, {.pid = impl_->pid, .path = path, .offset = offset, .at_return = at_return},
                              "set a uprobe in " + path);
    if (!link) return std::unexpected(link.error());
    impl_->links.push_back(std::move(*link));
    return {};
  };
  switch (point) {
    // Attaches to the return first: an entry without its return would count as a step without an end.
    case StepPoint::send:
      if (auto status = place(programs.handle_send_return, true); !status) return status;
      return place(programs.handle_send, false);
    case StepPoint::raise:
      if (auto status = place(programs.handle_throw_return, true); !status) return status;
      return place(programs.handle_send, false);
    case StepPoint::future_done:
    case StepPoint::task_made: return place(programs.handle_ready, false);
  }
  return {};
}

Status StepProbe::meter_traps(const std::string& path, std::uint64_t offset, bool stepped) {
  const auto& programs = impl_->skeleton->progs;
  auto meter = TrapMeter::attach(programs.handle_send, programs.handle_send_return, path, offset, stepped);
  if (!meter) return std::unexpected(meter.error());
  impl_->meter = std::move(*meter);
  return {};
}

TrapPrice StepProbe::price(unsigned calls) const { return impl_->meter ? impl_->meter->measure(calls) : TrapPrice{}; }

void StepProbe::detach() { impl_->links.close(); }

std::uint64_t StepProbe::begin() { return impl_->skeleton->data->window_begin = monotonic_ns(); }
std::uint64_t StepProbe::end() { return impl_->skeleton->data->window_end = monotonic_ns(); }

int StepProbe::fd() const { return ring_buffer__epoll_fd(impl_->ring.get()); }

Status StepProbe::consume(const std::function<void(std::span<const std::byte>)>& take) {
  impl_->take = &take;
  const int got = ring_buffer__consume(impl_->ring.get());
  impl_->take = nullptr;
  if (got < 0) return fail_errno("read the ring buffer", -got);
  return {};
}

Status StepProbe::set_named(std::uint64_t chain, bool unwanted) {
  const chain_state state{.sent_ns = 0, .named = 1, .unwanted = unwanted ? 1u : 0u};
  if (bpf_map__update_elem(impl_->skeleton->maps.chains, &chain, sizeof(chain), &state, sizeof(state), BPF_ANY) != 0)
    return fail_errno("keep the name of an await", errno);
  return {};
}

std::vector<StepSite> StepProbe::sites() const {
  std::vector<StepSite> all;
  each<step_key, step_stats>(impl_->skeleton->maps.sites, [&](const auto& key, const auto& stats) {
    all.push_back({key.chain, key.matched != 0, durations_of(stats)});
  });
  return all;
}

std::vector<StepGroup> StepProbe::groups() const {
  std::vector<StepGroup> all;
  each<group_key, step_stats>(impl_->skeleton->maps.groups,
                              [&](const auto& key, const auto& stats) { all.push_back(group_of(key, stats)); });
  return all;
}

std::vector<StepThreadCost> StepProbe::costs() const {
  std::vector<StepThreadCost> all;
  each<std::uint32_t, step_thread>(impl_->skeleton->maps.threads, [&](std::uint32_t tid, const auto& thread) {
    all.push_back({.tid = tid,
                   .entries = thread.entries,
                   .stepped = thread.stepped,
                   .returns = thread.returns,
                   .run_ns = thread.run_ns});
  });
  return all;
}

std::vector<WaitingTask> StepProbe::waiting() const {
  std::vector<WaitingTask> all;
  each<std::uint64_t, step_task>(impl_->skeleton->maps.tasks, [&](std::uint64_t, const auto& task) {
    if (task.since_ns != 0) all.push_back({task.task, task.since_ns, task.chain, task.matched != 0});
  });
  return all;
}

std::vector<StepLoss> StepProbe::losses() const {
  std::vector<StepLoss> sums;
  for (const auto name : kLosses) sums.push_back({name, 0});
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return sums;
  std::vector<std::uint64_t> values(static_cast<std::size_t>(cpus));
  for (std::uint32_t which = 0; which < STEP_LOSS_MAX; which++) {
    if (bpf_map__lookup_elem(impl_->skeleton->maps.step_losses, &which, sizeof(which), values.data(),
                             values.size() * sizeof(values[0]), 0) != 0)
      continue;
    for (const auto value : values) sums[which].count += value;
  }
  return sums;
}

}  // namespace aiotrace::probe
