#include "model/moments.h"

#include <algorithm>
#include <ranges>
#include <string_view>

#include "model/cause.h"
#include "model/frame_origin.h"
#include "model/sample_weights.h"

namespace aiotrace::model {
namespace {

// The maximum delay of the next sample, because interrupts can be late.
constexpr std::uint64_t kLateNs = kFineSampleNs / 2;
constexpr std::uint64_t kNextWithinNs = kFineSampleNs + kLateNs;

// Like own_frame(), but without copying the stack.
std::shared_ptr<const Frame> frame_to_name(const StackRef& stack) {
  if (!stack) return nullptr;
  auto python = stack->frames |
                std::views::filter([](const auto& frame) { return frame->kind == Frame::Kind::python; });
  const auto loop = std::ranges::find_if(python, [](const auto& frame) { return runs_callbacks(*frame); });
  const auto own = find_own(python.begin(), loop, [](const auto& frame) -> std::string_view { return frame->file; });
  return own == python.end() ? nullptr : *own;
}

bool same_function(const std::shared_ptr<const Frame>& a, const std::shared_ptr<const Frame>& b) {
  return a == b || (a && b && a->function == b->function && a->file == b->file);
}

}  // namespace

void Moments::add_sample(std::uint64_t time_ns, std::uint64_t cpu_ns, Cause cause, const std::string& syscall,
                         const StackRef& stack) {
  const auto frame = frame_to_name(stack);
  const auto end = end_of_last();
  if (time_ns <= end) return;
  const bool follows = !all_.empty() && time_ns - end <= std::max(kNextWithinNs, cpu_ns + kLateNs);
  if (follows && all_.back().cause == cause && all_.back().syscall == syscall &&
      same_function(all_.back().frame, frame)) {
    all_.back().ns = time_ns - all_.back().start_ns;
    return;
  }
  if (all_.size() >= most_) return;
  const auto start = follows ? end : time_ns - std::min(time_ns - end, cpu_ns);
  all_.push_back(
      {.start_ns = start, .ns = time_ns - start, .cause = cause, .syscall = syscall, .frame = frame, .culprit = {}});
}

void Moments::add_wait(std::uint64_t start_ns, std::uint64_t ns, Cause cause, const std::string& syscall,
                       const StackRef& stack, const std::optional<Culprit>& culprit) {
  if (ns == 0 || all_.size() >= most_) return;
  // Between its last sample and its wait the thread continued what it did.
  const auto end = end_of_last();
  if (!all_.empty() && on_cpu(all_.back().cause) && start_ns > end && start_ns - end <= kNextWithinNs)
    all_.back().ns = start_ns - all_.back().start_ns;
  all_.push_back({.start_ns = start_ns,
                  .ns = ns,
                  .cause = cause,
                  .syscall = syscall,
                  .frame = frame_to_name(stack),
                  .culprit = culprit ? std::make_shared<const Culprit>(*culprit) : nullptr});
}

}  // namespace aiotrace::model
