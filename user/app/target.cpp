#include "app/target.h"

#include <algorithm>
#include <filesystem>

#include "app/python_stack.h"
#include "app/wait_kinds.h"
#include "probe/probe.h"
#include "proc/page_cache.h"
#include "python/frames.h"
#include "python/gil.h"
#include "python/loop_queues.h"
#include "python/process_config.h"
#include "python/running_loops.h"
#include "python/threads.h"
#include "util/clock.h"

namespace aiotrace::app {

Target::Target(proc::Process process)
    : process_(std::move(process)),
      comm_(process_.comm()),
      memory_(std::make_unique<proc::LiveMemory>(process_.pid())) {}

Result<Target> Target::open(std::int32_t pid) {
  auto process = proc::Process::open(pid);
  if (!process) return std::unexpected(process.error());
  return Target(std::move(*process));
}

void Target::refresh_maps() {
  if (auto maps = proc::Maps::read(process_.pid())) maps_ = std::move(*maps);
}

void Target::refresh_maps_if_due() {
  constexpr std::uint64_t kShare = 20;
  const auto before_ns = monotonic_ns();
  if (before_ns < next_maps_ns_) return;
  refresh_maps();
  const auto after_ns = monotonic_ns();
  next_maps_ns_ = after_ns + kShare * (after_ns - before_ns);
}

bool Target::look() {
  refresh_maps();
  if (interpreter_ && interpreter_->initialized) {
    if (!python::refresh(*interpreter_, process_, maps_, *memory_)) return false;
    generation_++;
    return true;
  }
  auto found = python::inspect(process_, maps_, *memory_);
  if (!found) {
    refused_ = std::move(found.error());
    return false;
  }
  refused_.reset();
  interpreter_ = std::move(*found);
  names_.clear();  // the kernel's thread ids: Python's thread ids can be read from now on
  tids_are_right_ = interpreter_->initialized && python::keeps_tid_in_pthread(*interpreter_, process_, *memory_);
  generation_++;
  return true;
}

bool Target::look_again(std::uint64_t now_ns) {
  if (schedule_.next_ns() > now_ns) return false;
  const bool changed = look();
  schedule_.looked(now_ns);
  return changed;
}

void Target::add_loop(std::uint32_t tid) {
  loops_.insert(tid);
  had_loop_ = true;
}

void Target::forget_image() {
  interpreter_.reset();
  refused_.reset();
  names_.clear();
  loops_.clear();
  queues_.clear();
  schedule_.start();
  had_loop_ = noted_waiting_ = false;
}

bool Target::settled() const {
  if (interpreter_) return interpreter_->initialized && interpreter_->asyncio_loaded;
  if (!refused_) return false;
  if (refused_->why == python::NoPython::unknown) return true;
  return refused_->why == python::NoPython::not_python && !schedule_.starting();
}

Status Target::trace_by(probe::Probe& probe) const {
  return probe.set_process(pid(), python::process_config_of(interpreter(), generation_));
}

std::string Target::thread_name(std::uint32_t tid) {
  if (const auto known = names_.find(tid); known != names_.end()) return known->second;
  if (interpreter_ && interpreter_->initialized) {
    for (auto& [thread, name] : python::thread_names(*interpreter_, process_, *memory_))
      names_.insert_or_assign(static_cast<std::uint32_t>(thread), std::move(name));
  }
  if (const auto known = names_.find(tid); known != names_.end()) return known->second;
  auto comm = process_.comm_of(static_cast<pid_t>(tid));
  return names_.insert_or_assign(tid, comm ? *comm : comm_).first->second;
}

std::optional<std::uint32_t> Target::own_tid(std::uint32_t ns_tid) const {
  if (!process_.in_pid_namespace()) {
    if (process_.comm_of(static_cast<pid_t>(ns_tid))) return ns_tid;
    // The thread has ended since; earlier, other threads have confirmed that ids are read from the right place.
    return names_.contains(ns_tid) || (tids_are_right_ && ns_tid != 0) ? std::optional(ns_tid) : std::nullopt;
  }
  const auto tids = process_.tids_by_ns_tid();
  const auto tid = tids.find(static_cast<pid_t>(ns_tid));
  if (tid == tids.end()) return std::nullopt;
  return static_cast<std::uint32_t>(tid->second);
}

model::LoopKind Target::loop_kind(model::LoopSource source) const {
  if (source == model::LoopSource::asyncio) return model::LoopKind::asyncio;
  if (source == model::LoopSource::python && interpreter_ && interpreter_->uvloop) return model::LoopKind::uvloop;
  return model::LoopKind::other;
}

std::optional<model::LoopKind> Target::running_kind(std::uint32_t tid) const {
  constexpr std::uint64_t kMostNs = 50'000'000;
  if (!interpreter_ || !interpreter_->initialized) return std::nullopt;
  proc::PageCache pages(*memory_);
  pages.end_at(monotonic_ns() + kMostNs);
  const auto loops = python::running_loops(*interpreter_, process_, pages);
  const auto loop = std::ranges::find(loops, static_cast<pid_t>(tid), &python::RunningLoop::tid);
  if (loop == loops.end()) return std::nullopt;
  return loop_kind_of(loop->kind);
}

void Target::show_queues(probe::Probe& probe) {
  // A program can create loops at any rate: it gets a share of our time, regardless of its number of threads.
  constexpr std::uint64_t kMostNs = 50'000'000;
  constexpr std::uint64_t kShareOfTime = 20;
  const auto begin_ns = monotonic_ns();
  if (!queues_wanted_ || begin_ns < next_queues_ns_ || !interpreter_ || !interpreter_->initialized) return;
  proc::PageCache pages(*memory_);
  pages.end_at(begin_ns + kMostNs);
  auto queues = python::loop_queues(*interpreter_, process_, pages);
  next_queues_ns_ = begin_ns + (monotonic_ns() - begin_ns) * kShareOfTime;
  if (pages.late()) return;  // tried again when its share of the time allows it
  queues_wanted_ = false;
  for (const auto& [tid, queue] : queues) probe.set_queue(static_cast<std::uint32_t>(tid), queue);
  queues_ = std::move(queues);
}

std::optional<std::uint64_t> Target::ready(std::uint32_t tid) const {
  return python::ready_callbacks(queues_, static_cast<pid_t>(tid), *memory_);
}

std::uint64_t Target::gil_at(std::uint64_t futex) const {
  return interpreter_ ? python::gil_of_futex(*interpreter_, *memory_, futex) : 0;
}

bool Target::is_named_pipe(std::int32_t fd) const {
  std::error_code error;
  const auto link = std::filesystem::read_symlink(
      "/proc/" + std::to_string(process_.pid()) + "/fd/" + std::to_string(fd), error);
  return !error && !link.string().starts_with("pipe:");
}

std::vector<model::Stall::OtherThread> Target::other_threads(std::uint32_t tid) {
  constexpr std::size_t kMaxThreads = 16;
  std::vector<model::Stall::OtherThread> others;
  if (!interpreter_ || !interpreter_->initialized) return others;
  for (const auto& [id, thread] : python::python_threads(*interpreter_, process_, *memory_)) {
    if (static_cast<std::uint32_t>(id) == tid) continue;
    if (others.size() >= kMaxThreads) break;
    auto stack = to_stack(python::read_stack(*interpreter_, *memory_, thread.tstate));
    if (stack.empty()) continue;
    others.push_back({static_cast<std::uint32_t>(id), thread_name(static_cast<std::uint32_t>(id)), std::move(stack)});
  }
  return others;
}

std::optional<model::Stall::OtherThread> Target::gil_holder(std::uint64_t futex) {
  const auto gil = gil_at(futex);
  if (gil == 0) return std::nullopt;
  const auto holder = python::gil_holder(*interpreter_, *memory_, gil);
  if (holder == 0) return std::nullopt;
  const auto id = python::thread_of_state(*interpreter_, process_, *memory_, holder);
  if (!id) return std::nullopt;
  const auto tid = static_cast<std::uint32_t>(*id);
  return model::Stall::OtherThread{tid, thread_name(tid),
                                   to_stack(python::read_stack(*interpreter_, *memory_, holder))};
}

std::string Target::path_inside(std::string path) const {
  std::error_code error;
  const auto root = std::filesystem::read_symlink("/proc/" + std::to_string(process_.pid()) + "/root", error).string();
  if (error || root.size() <= 1) return path;
  if (path == root) return "/";
  if (path.starts_with(root + "/")) path.erase(0, root.size());
  return path;
}

std::string Target::mapped_file(std::uint64_t address) {
  refresh_maps();
  const proc::Mapping* mapping = maps_.find(address);
  if (mapping == nullptr || mapping->inode == 0) return {};
  return path_inside(mapping->path + (mapping->deleted ? " (deleted)" : ""));
}

std::string Target::working_directory() const {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/" + std::to_string(process_.pid()) + "/cwd", error);
  return error ? std::string() : path_inside(path.string());
}

std::size_t Target::epolls() const {
  constexpr std::size_t kMaxDescriptors = 4096;
  std::size_t seen = 0;
  std::size_t epolls = 0;
  std::error_code error;
  const std::filesystem::path directory = "/proc/" + std::to_string(process_.pid()) + "/fd";
  for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    if (++seen > kMaxDescriptors) break;
    std::error_code gone;
    if (std::filesystem::read_symlink(at->path(), gone) == "anon_inode:[eventpoll]") epolls++;
  }
  return epolls;
}

std::optional<std::string> Target::python_version() const {
  if (interpreter_) return interpreter_->version_text;
  // The version is also known for a CPython that is refused.
  if (refused_ && !refused_->version.empty()) return refused_->version;
  return std::nullopt;
}

std::optional<std::string> Target::refusal() const {
  if (!refused_ || refused_->why == python::NoPython::not_python || refused_->why == python::NoPython::not_initialized)
    return std::nullopt;
  if (!process_.alive()) return std::nullopt;  // it ended: nothing is traced
  return refused_->message();
}

}  // namespace aiotrace::app
