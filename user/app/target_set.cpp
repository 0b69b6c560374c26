#include "app/target_set.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>
#include <string>
#include <utility>

#include "util/clock.h"
#include "util/log.h"

namespace aiotrace::app {

Target* TargetSet::find(std::uint32_t pid) {
  const auto found = targets_.find(pid);
  return found == targets_.end() ? nullptr : &found->second;
}

Target* TargetSet::next_after(std::uint32_t pid) {
  auto next = targets_.upper_bound(pid);
  if (next == targets_.end()) next = targets_.begin();
  return next == targets_.end() ? nullptr : &next->second;
}

std::size_t TargetSet::alive() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(targets_, [](const auto& each) { return !each.second.ended(); }));
}

Result<Target*> TargetSet::add(Target added, Look look) {
  const auto pid = added.pid();
  auto& target = targets_.insert_or_assign(pid, std::move(added)).first->second;
  if (look == Look::now) target.look();
  if (look == Look::fresh) target.expect_start();
  if (auto status = target.trace_by(probe_); !status) return std::unexpected(status.error());
  return &target;
}

void TargetSet::scan(const Filter& filter, const std::function<void(Target)>& take,
                     const std::function<void()>& not_opened) {
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
    const auto name = at->path().filename().string();
    std::int32_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size()) continue;
    if (pid == getpid() || targets_.contains(static_cast<std::uint32_t>(pid))) continue;
    auto opened = Target::open(pid);
    if (!opened)
      not_opened();
    else if (filter.matches(opened->pid(), opened->comm()))
      take(std::move(*opened));
  }
}

std::uint64_t TargetSet::look(std::uint64_t now_ns, const std::function<void(Target&)>& changed) {
  // With many processes at once, records of processes that are already known arrive between the steps.
  constexpr std::uint64_t kBudgetNs = 20'000'000;
  std::uint64_t next_ns = 0;
  for (auto& [pid, each] : targets_) {
    if (each.ended() || each.settled()) continue;
    if (monotonic_ns() - now_ns > kBudgetNs) return now_ns;
    if (each.next_look_ns() <= now_ns && each.look_again(now_ns)) {
      if (auto status = each.trace_by(probe_); !status) say(status.error().message());
      changed(each);
    }
    if (!each.settled() && (next_ns == 0 || each.next_look_ns() < next_ns)) next_ns = each.next_look_ns();
  }
  return next_ns;
}

void TargetSet::add_pidfds(std::vector<pollfd>& fds) const {
  for (const auto& [pid, target] : targets_) {
    if (!target.ended()) fds.push_back({target.process().pidfd(), POLLIN, 0});
  }
}

std::vector<std::uint32_t> TargetSet::ended_in(std::span<const pollfd> fds) const {
  std::set<int> readable;
  for (const auto& fd : fds) {
    if (fd.revents != 0) readable.insert(fd.fd);
  }
  std::vector<std::uint32_t> ended;
  for (const auto& [pid, target] : targets_) {
    if (readable.contains(target.process().pidfd())) ended.push_back(pid);
  }
  return ended;
}

void TargetSet::mark_ended(Target& target) {
  target.mark_ended();
  probe_.remove_process(target.pid());
}

void TargetSet::drop_ended(const std::function<void(std::uint32_t)>& dropped) {
  std::erase_if(targets_, [&](const auto& each) {
    if (!each.second.ended()) return false;
    forget_code(each.first);
    dropped(each.first);
    return true;
  });
}

void TargetSet::exec(Target& target, const std::string& comm) {
  forget_code(target.pid());
  target.forget_image();
  target.rename(comm);
}

void TargetSet::forget_code(std::uint32_t pid) {
  codes_.forget(pid);
  stacks_.forget(pid);
}

bool TargetSet::add(const model::CodeSeen& code) {
  const auto* owner = find(code.head.pid);
  if (owner == nullptr) return codes_.add(code, nullptr, nullptr);
  return codes_.add(code, owner->interpreter(), &owner->memory());
}

void TargetSet::add(const model::StackSeen& seen) {
  model::Stack stack;
  stack.reserve(seen.frames.size());
  for (const auto& frame : seen.frames) stack.push_back(codes_.resolve(seen.head.pid, frame));
  stacks_.add(seen.head.pid, seen.stack_id, std::move(stack), seen.unreadable, seen.too_deep);
}

std::optional<model::Culprit> TargetSet::gil_holder(const model::Blocked& blocked) {
  auto* owner = find(blocked.head.pid);
  if (blocked.holder_tstate == 0 || owner == nullptr) return std::nullopt;
  // The id comes from a structure of the C library, so it is only believed if such a thread exists.
  const auto tid = owner->own_tid(blocked.holder_tid);
  if (!tid || *tid == blocked.head.tid) return std::nullopt;
  model::GilHolder culprit{.tid = *tid, .thread = owner->thread_name(*tid), .stack = {}};
  if (const auto stack = stacks_.find(blocked.head.pid, blocked.holder_stack)) culprit.stack = stack->copy();
  return culprit;
}

}  // namespace aiotrace::app
