#include "app/target_cost.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace aiotrace::app {
namespace {

constexpr std::uint64_t kWindowNs = 1'000'000'000;
constexpr double kKeep = 0.75;  // weight of the previous price

std::uint64_t rounded(double ns) { return static_cast<std::uint64_t>(std::llround(ns)); }

}  // namespace

void TargetCost::reprice(probe::TrapPrice now) {
  const auto mix = [](double before, double after) { return kKeep * before + (1 - kKeep) * after; };
  price_ = {.entry_ns = mix(price_.entry_ns, now.entry_ns),
            .stepped_ns = mix(price_.stepped_ns, now.stepped_ns),
            .return_ns = mix(price_.return_ns, now.return_ns)};
}

bool TargetCost::look(const std::vector<probe::StepThreadCost>& threads, std::uint64_t now_ns) {
  Look look{.at_ns = now_ns, .cost_ns = {}};
  for (const auto& thread : threads) {
    auto& known = threads_[thread.tid];
    const auto& before = known.counted;
    const auto stepped = thread.stepped - before.stepped;
    const auto entries = thread.entries - before.entries;
    const auto returns = thread.returns - before.returns;
    const double entries_ns = static_cast<double>(entries - stepped) * price_.entry_ns +
                              static_cast<double>(stepped) * price_.stepped_ns;
    const double returns_ns = static_cast<double>(returns) * price_.return_ns;
    entries_ += entries;
    returns_ += returns;
    entries_ns_ += entries_ns;
    returns_ns_ += returns_ns;
    run_ns_ += thread.run_ns - before.run_ns;
    known.cost_ns += entries_ns + returns_ns + static_cast<double>(thread.run_ns - before.run_ns);
    known.counted = thread;
    look.cost_ns[thread.tid] = known.cost_ns;
  }
  if (looks_.empty()) looks_.push_back({.at_ns = now_ns, .cost_ns = {}});
  looks_.push_back(std::move(look));
  while (looks_.size() > 2 && looks_[1].at_ns + kWindowNs <= now_ns) looks_.pop_front();
  const auto& first = looks_.front();
  const auto window_ns = static_cast<double>(std::max(kWindowNs, now_ns - first.at_ns));
  for (const auto& [tid, cost_ns] : looks_.back().cost_ns) {
    const auto before = first.cost_ns.find(tid);
    lately_ = std::max(lately_, (cost_ns - (before == first.cost_ns.end() ? 0 : before->second)) / window_ns);
  }
  return lately_ > max_share_;
}

void TargetCost::fill(model::ExactSummary& summary) const {
  double all_ns = 0, most_ns = 0;
  for (const auto& [tid, thread] : threads_) {
    all_ns += thread.cost_ns;
    most_ns = std::max(most_ns, thread.cost_ns);
  }
  const auto mean = [](double ns, std::uint64_t count) {
    return count == 0 ? 0 : rounded(ns / static_cast<double>(count));
  };
  summary.traps = entries_ + returns_;
  summary.run_ns = run_ns_;
  summary.cost_ns = rounded(all_ns);
  summary.entry_ns = mean(entries_ns_, entries_);
  summary.return_ns = mean(returns_ns_, returns_);
  summary.most_share = summary.elapsed_ns == 0 ? 0 : most_ns / static_cast<double>(summary.elapsed_ns);
  summary.max_share = max_share_;
}

}  // namespace aiotrace::app
