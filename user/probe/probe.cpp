#include "probe/probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>

#include "abi/loop_queue.h"
#include "abi/profile.h"
#include "abi/records.h"
#include "abi/thread.h"
#include "aiotrace.skel.h"
#include "probe/handles.h"
#include "probe/load_log.h"
#include "probe/map_values.h"
#include "probe/perf_events.h"
#include "probe/permissions.h"
#include "probe/poll_programs.h"
#include "probe/thread_samplers.h"
#include "probe/thread_table.h"
#include "util/clock.h"
#include "util/unique_fd.h"

namespace aiotrace::probe {

namespace {

syscall_class class_of(SyscallWait wait) {
  switch (wait) {
    case SyscallWait::sleep: return SYSCALL_SLEEP;
    case SyscallWait::file: return SYSCALL_FILE;
    case SyscallWait::network: return SYSCALL_NETWORK;
    case SyscallWait::process: return SYSCALL_PROCESS;
    case SyscallWait::futex: return SYSCALL_FUTEX;
    case SyscallWait::descriptor: return SYSCALL_FD;
    case SyscallWait::poll: return SYSCALL_POLL;
    case SyscallWait::other: break;
  }
  return SYSCALL_OTHER;
}

// Nobody but us has to know it: 0, when the kernel has no random number yet, only makes it easier to guess.
std::uint32_t random_seed() {
  std::uint32_t seed = 0;
  if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != static_cast<ssize_t>(sizeof(seed))) return 0;
  return seed;
}

}  // namespace

struct RingCloser {
  void operator()(ring_buffer* ring) const noexcept { ring_buffer__free(ring); }
};

struct Probe::Impl {
  ProbeOptions options;
  PollPrograms polls;
  std::vector<std::string> notes;
  Skeleton<aiotrace_bpf> skeleton;
  ThreadTable threads;
  Links links;
  std::multimap<std::uint32_t, Link> uprobes;  // by pid
  ThreadSamplers samplers;
  std::unique_ptr<ring_buffer, RingCloser> ring;
  RunMeter meter;
  const std::function<void(std::span<const std::byte>)>* take = nullptr;
  std::uint64_t take_until_ns = 0;
  std::uint64_t taken_bytes = 0;  // in this epoch, see struct ring_share
  bool drained = true;

  explicit Impl(const ProbeOptions& wanted) : options(wanted), polls(wanted.poll, !wanted.trace_all) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    for (auto& link : polls.take_links()) links.push_back(std::move(link));
    for (auto& [pid, link] : uprobes) links.push_back(std::move(link));
  }

  /// Opens, configures and loads the programs.
  Status load_programs(bool with_statistics);
  Status fill_syscalls() const;
  Status attach_program(bpf_program* program);
  void choose_programs();
  Status attach_polls();
  Status attach_profile();
  /// A cpu-clock event on each CPU.
  Status sample_all();
  void end_epoch() noexcept;
  static int on_record(void* context, void* data, size_t size);
};

Probe::Probe(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Probe::Probe(Probe&&) noexcept = default;
Probe& Probe::operator=(Probe&&) noexcept = default;
Probe::~Probe() = default;

int Probe::Impl::on_record(void* context, void* data, size_t size) {
  auto* self = static_cast<Impl*>(context);
  self->taken_bytes += size;
  if (self->take != nullptr) (*self->take)({static_cast<const std::byte*>(data), size});
  // libbpf ends there, with this record taken: ringbuf_process_ring().
  return monotonic_ns() >= self->take_until_ns ? -ECANCELED : 0;
}

Status Probe::Impl::fill_syscalls() const {
  for (const auto& [number, wait, path_argument] : options.syscalls) {
    const auto value = static_cast<std::uint16_t>(class_of(wait) | path_argument << 8);
    if (number >= SYSCALL_TABLE_SIZE || value == SYSCALL_OTHER) continue;
    if (bpf_map__update_elem(skeleton->maps.syscalls, &number, sizeof(number), &value, sizeof(value), BPF_ANY) != 0)
      return fail_errno("fill the table of system calls", errno);
  }
  return {};
}

Status Probe::Impl::load_programs(bool with_statistics) {
  forget_warnings();
  skeleton.reset(aiotrace_bpf::open());
  if (!skeleton) return load_error("open the BPF programs", errno, last_warning());

  skeleton->rodata->session = session_config{
      .warn_ns = options.warn_ns,
      .young_ns = options.young_ns,
      .coarse_ns = options.coarse_period_ns,
      .fine_after_ns = options.fine_after_ns,
      .segment_ns = options.segment_ns,
      .native_ns = options.native_ns,
      .pid_ns_dev = 0,
      .pid_ns_ino = 0,
      .own_pid = static_cast<std::uint32_t>(getpid()),
      .trace_all = options.trace_all ? 1u : 0u,
      .follow = options.follow ? 1u : 0u,
      .ring_bytes = options.ring_bytes,
      .share_seed = random_seed(),
      .ring_share = options.trace_all ? 1u : 4u,
  };
  bpf_map__set_max_entries(skeleton->maps.ring, options.ring_bytes);
  bpf_map__set_max_entries(skeleton->maps.processes, options.max_processes);
  for (auto* map : {skeleton->maps.loop_threads, skeleton->maps.thread_slots, skeleton->maps.free_slots,
                    skeleton->maps.profile_threads, skeleton->maps.loop_queues})
    bpf_map__set_max_entries(map, std::min(options.max_threads, ThreadTable::kMostSlots));
  if (options.native_ns != 0) bpf_map__set_max_entries(skeleton->maps.natives, ThreadSamplers::kMaxNatives);
  if (const int cpus = libbpf_num_possible_cpus(); cpus > 0)
    bpf_map__set_max_entries(skeleton->maps.runs, static_cast<std::uint32_t>(cpus));
  choose_programs();
  std::optional<LoadStatistics> statistics;
  if (with_statistics) statistics.emplace(skeleton->obj);
  if (const int error = aiotrace_bpf::load(skeleton.get()); error != 0) {
    // Asked for statistics, the verifier says nothing else: not why it refused either.
    if (with_statistics) return load_programs(false);
    return load_error("load the BPF programs", -error, last_warning());
  }
  if (statistics) std::ranges::move(statistics->lines(), std::back_inserter(notes));
  return {};
}

void Probe::Impl::choose_programs() {
  const auto& programs = skeleton->progs;
  if (!options.profile) {
    for (auto* program : {programs.profile_sample, programs.profile_switch}) bpf_program__set_autoload(program, false);
    bpf_map__set_autocreate(skeleton->maps.profile_threads, false);
    polls.set_autoload(*skeleton);
    return;
  }
  const auto& wanted = *options.profile;
  skeleton->rodata->profile = profile_config{.min_ns = wanted.min_ns,
                                             .tasks = wanted.tasks ? 1u : 0u,
                                             .gil = wanted.gil ? 1u : 0u,
                                             .waits = wanted.waits ? 1u : 0u,
                                             .pad = 0};
  bpf_program* each = nullptr;
  bpf_object__for_each_program(each, skeleton->obj) bpf_program__set_autoload(each, false);
  for (auto* program : {programs.handle_process_exit, programs.handle_process_exec, programs.handle_process_fork})
    bpf_program__set_autoload(program, true);
  bpf_program__set_autoload(programs.profile_sample, wanted.samples);
  for (auto* program : {programs.profile_switch, programs.handle_sched_wakeup})
    bpf_program__set_autoload(program, wanted.waits);
}

Result<Probe> Probe::load(const ProbeOptions& options) {
  keep_warnings();
  libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
  if (auto status = check_host(); !status) return std::unexpected(status.error());

  auto impl = std::make_unique<Impl>(options);
  if (!options.profile) {
    if (auto status = impl->polls.choose(); !status) return std::unexpected(status.error());
  }
  auto loaded = impl->load_programs(options.load_statistics);
  if (!loaded && impl->polls.give_up_fentry(loaded.error().message()))
    loaded = impl->load_programs(options.load_statistics);
  if (!loaded) return std::unexpected(loaded.error());
  if (!options.profile && !options.trace_all) {
    if (auto status = impl->attach_polls(); !status) return std::unexpected(status.error());
  }
  auto& skeleton = *impl->skeleton;
  if (auto status = impl->fill_syscalls(); !status) return std::unexpected(status.error());
  impl->threads = ThreadTable({.threads = bpf_map__fd(skeleton.maps.loop_threads),
                               .slots = bpf_map__fd(skeleton.maps.thread_slots),
                               .free = bpf_map__fd(skeleton.maps.free_slots),
                               .entries = skeleton.bss->traced_tid});
  if (auto status = impl->threads.fill(options.max_threads); !status) return std::unexpected(status.error());
  impl->samplers = ThreadSamplers({.sample = skeleton.progs.handle_sample,
                                   .major_fault = skeleton.progs.handle_major_fault,
                                   .natives = options.native_ns != 0 ? bpf_map__fd(skeleton.maps.natives) : -1,
                                   .coarse_ns = options.coarse_period_ns,
                                   .fine_ns = options.sample_period_ns});

  impl->ring.reset(ring_buffer__new(bpf_map__fd(skeleton.maps.ring), Impl::on_record, impl.get(), nullptr));
  if (!impl->ring) return load_error("map the ring buffer", errno, last_warning());
  return Probe(std::move(impl));
}

Status Probe::Impl::attach_program(bpf_program* program) {
  forget_warnings();
  Link link(bpf_program__attach(program));
  if (!link) return load_error(std::string("attach ") + bpf_program__name(program), errno, last_warning());
  links.push_back(std::move(link));
  return {};
}

// Of single processes before anything else: none is known yet, so the probes find nobody. Of a whole machine's loops
// last: what is met before the scheduler's probes are there would be taken for an iteration that goes on.
Status Probe::Impl::attach_polls() {
  auto status = polls.attach(*skeleton);
  if (!status && polls.take_uprobe()) {
    status = load_programs(options.load_statistics);
    if (status) status = polls.attach(*skeleton);
  }
  std::ranges::copy(polls.notes(), std::back_inserter(notes));
  return status;
}

Status Probe::Impl::sample_all() {
  perf_event_attr attr{};
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_CPU_CLOCK;
  attr.sample_period = options.sample_period_ns;
  const int cpus = libbpf_num_possible_cpus();
  std::size_t sampled = 0;
  for (int cpu = 0; cpu < cpus; cpu++) {
    UniqueFd event = open_perf_event(attr, -1, cpu);
    if (!event && (errno == ENODEV || errno == EINVAL)) continue;  // it is offline
    const auto what = "sample CPU " + std::to_string(cpu);
    if (!event) return load_error(what, errno, "");
    auto link = attach_to_event(skeleton->progs.profile_sample, std::move(event), what);
    if (!link) return std::unexpected(link.error());
    links.push_back(std::move(*link));
    sampled++;
  }
  if (sampled == 0) return fail("sample the CPUs", "none is online", {}, ErrorKind::unsupported);
  return {};
}

Status Probe::Impl::attach_profile() {
  auto& programs = skeleton->progs;
  for (auto* program : {programs.handle_process_exit, programs.handle_process_exec, programs.handle_process_fork,
                        programs.profile_switch, programs.handle_sched_wakeup}) {
    if (!bpf_program__autoload(program)) continue;
    if (auto status = attach_program(program); !status) return status;
  }
  return options.profile->samples ? sample_all() : Status{};
}

Status Probe::attach() {
  impl_->meter.begin(impl_->skeleton->obj, monotonic_ns());
  if (impl_->options.profile) return impl_->attach_profile();
  auto& programs = impl_->skeleton->progs;
  for (auto* program : {programs.handle_sched_switch, programs.handle_sched_wakeup, programs.handle_process_exit,
                        programs.handle_process_exec, programs.handle_process_fork}) {
    if (auto status = impl_->attach_program(program); !status) return status;
  }
  return impl_->options.trace_all ? impl_->attach_polls() : Status{};
}

PollProbe Probe::poll_probe() const { return impl_->polls.way(); }
const std::optional<std::string>& Probe::fentry_problem() const { return impl_->polls.fentry_problem(); }
const std::vector<std::string>& Probe::notes() const { return impl_->notes; }

Status Probe::attach_uprobe(std::uint32_t pid, const std::string& path, std::uint64_t offset, bool epoll) {
  const auto& programs = impl_->skeleton->progs;
  auto link = probe::attach_uprobe(epoll ? programs.handle_uprobe_epoll : programs.handle_uprobe_select,
                                   {.pid = static_cast<pid_t>(pid), .path = path, .offset = offset},
                                   "set a uprobe in " + path);
  if (!link) return std::unexpected(link.error());
  impl_->uprobes.emplace(pid, std::move(*link));
  return {};
}

void Probe::detach_uprobes(std::uint32_t pid) { impl_->uprobes.erase(pid); }

Status Probe::set_process(std::uint32_t pid, const process_config& config) {
  auto& skeleton = *impl_->skeleton;
  if (bpf_map__update_elem(skeleton.maps.processes, &pid, sizeof(pid), &config, sizeof(config), BPF_ANY) != 0)
    return fail_errno("trace pid " + std::to_string(pid), errno);
  skeleton.bss->traced_tgid[pid % sizeof(skeleton.bss->traced_tgid)] = 1;
  return {};
}

Status Probe::ignore_process(std::uint32_t pid) {
  process_config config{};
  config.flags = PROCESS_IGNORED;
  return set_process(pid, config);
}

void Probe::stop() {
  auto& bss = *impl_->skeleton->bss;
  bss.stopped = 1;
  std::ranges::fill(bss.traced_tgid, 0);
  std::ranges::fill(bss.traced_tid, 0);
}

void Probe::remove_process(std::uint32_t pid) {
  bpf_map__delete_elem(impl_->skeleton->maps.processes, &pid, sizeof(pid), 0);
  detach_uprobes(pid);
}

Status Probe::seed_thread(const ThreadSeed& seed) { return impl_->threads.add(thread_of(seed)); }

Status Probe::seed_profiled(const ProfileSeed& seed) {
  const auto now = monotonic_ns();
  const auto thread = thread_of(seed, now);
  const profile_thread times{.on_ns = thread.off == OFF_NOT ? now : 0, .cpu_ns = 0, .idle_ns = 0, .first_ns = now};
  if (bpf_map__update_elem(impl_->skeleton->maps.profile_threads, &seed.tid, sizeof(seed.tid), &times, sizeof(times),
                           BPF_NOEXIST) != 0) {
    return errno == EEXIST ? Status{} : fail_errno("profile thread " + std::to_string(seed.tid), errno);
  }
  return impl_->threads.add(thread);
}

std::optional<model::ThreadTimes> Probe::profiled(std::uint32_t tid) const {
  profile_thread times{};
  if (bpf_map__lookup_elem(impl_->skeleton->maps.profile_threads, &tid, sizeof(tid), &times, sizeof(times), 0) != 0)
    return std::nullopt;
  return times_of(times);
}

// All that lay in the ring when the epoch began has been taken.
void Probe::Impl::end_epoch() noexcept {
  if (!drained && taken_bytes < options.ring_bytes) return;
  taken_bytes = 0;
  ++skeleton->bss->ring_epoch;
}

Status Probe::sample_thread(std::uint32_t tid) { return impl_->samplers.start(tid); }

Status Probe::sample_finely(std::uint32_t tid, bool finely) { return impl_->samplers.set_fine(tid, finely); }

void Probe::set_queue(std::uint32_t tid, const loop_queue& queue) {
  bpf_map__update_elem(impl_->skeleton->maps.loop_queues, &tid, sizeof(tid), &queue, sizeof(queue), BPF_ANY);
}

void Probe::remove_thread(std::uint32_t tid) {
  bpf_map__delete_elem(impl_->skeleton->maps.loop_queues, &tid, sizeof(tid), 0);
  impl_->threads.remove(tid);
  impl_->samplers.remove(tid);
  if (impl_->options.profile) bpf_map__delete_elem(impl_->skeleton->maps.profile_threads, &tid, sizeof(tid), 0);
}

std::vector<std::byte> Probe::native_copy(std::uint32_t tid) const { return impl_->samplers.native_copy(tid); }

std::optional<model::ThreadNow> Probe::thread(std::uint32_t tid) const {
  const auto thread = impl_->threads.find(tid);
  return thread ? thread_now(*thread) : std::nullopt;
}

std::optional<model::LoopCounters> Probe::counters(std::uint32_t tid) const {
  const auto thread = impl_->threads.find(tid);
  return thread ? std::optional(counters_of(thread->stats)) : std::nullopt;
}

std::vector<std::uint32_t> Probe::threads() const { return impl_->threads.tids(impl_->options.max_threads); }

int Probe::fd() const { return ring_buffer__epoll_fd(impl_->ring.get()); }

Status Probe::consume(const std::function<void(std::span<const std::byte>)>& take) {
  constexpr std::uint64_t kMostNs = 30'000'000;
  impl_->take = &take;
  impl_->take_until_ns = monotonic_ns() + kMostNs;
  const int got = ring_buffer__consume(impl_->ring.get());
  impl_->take = nullptr;
  impl_->drained = got != -ECANCELED;
  impl_->end_epoch();
  if (got < 0 && impl_->drained) return fail_errno("read the ring buffer", -got);
  return {};
}

bool Probe::drained() const { return impl_->drained; }

model::LossCounts Probe::losses() const {
  model::LossCounts sums{};
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return sums;
  std::vector<std::uint64_t> values(static_cast<std::size_t>(cpus));
  for (std::uint32_t which = 0; which < LOSS_MAX; which++) {
    if (bpf_map__lookup_elem(impl_->skeleton->maps.losses, &which, sizeof(which), values.data(),
                             values.size() * sizeof(values[0]), 0) != 0)
      continue;
    for (const auto value : values) sums[which] += value;
  }
  return sums;
}

std::vector<model::LostRecords> Probe::lost_by() const {
  std::vector<model::LostRecords> all;
  for (const auto& share : impl_->skeleton->bss->ring_shares) {
    if (share.refused != 0) all.push_back({.pid = share.pid, .records = share.refused});
  }
  std::ranges::sort(all, std::greater{}, &model::LostRecords::records);
  return all;
}

std::optional<std::uint64_t> Probe::map_bytes() const {
  std::uint64_t sum = 0;
  const bpf_map* map = nullptr;
  bpf_object__for_each_map(map, impl_->skeleton->obj) {
    // A line of bpf_map_show_fdinfo of the kernel: "memlock:\t4096".
    std::ifstream info("/proc/self/fdinfo/" + std::to_string(bpf_map__fd(map)));
    for (std::string line; std::getline(info, line);) {
      constexpr std::string_view kName = "memlock:\t";
      std::uint64_t bytes = 0;
      if (!line.starts_with(kName)) continue;
      if (std::from_chars(line.data() + kName.size(), line.data() + line.size(), bytes).ec == std::errc{}) sum += bytes;
    }
  }
  return sum != 0 ? std::optional(sum) : std::nullopt;
}

void Probe::measure_cost_now_and_then(std::uint64_t now_ns) { impl_->meter.measure_now_and_then(now_ns); }

std::optional<RunCost> Probe::cost() const { return impl_->meter.cost(); }

}  // namespace aiotrace::probe
