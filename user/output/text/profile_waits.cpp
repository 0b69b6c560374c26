#include "output/text/profile_waits.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "output/text/style.h"

namespace aiotrace::output {
namespace {

using Kind = model::ProfileRow::Kind;

// Adds up waits by kind.
class Waits {
 public:
  void add(ProfileWait wait, const model::ProfileRow& row) {
    const auto frame = wait.frame.value_or(model::Frame{});
    auto& sum = sums_[Key(wait.cause, wait.what, frame.function, frame.file, frame.line, wait.thread)];
    if (sum.count == 0) sum = std::move(wait);
    sum.ns += row.ns;
    sum.count += row.count;
    sum.max_ns = std::max(sum.max_ns, row.max_ns);
  }
  [[nodiscard]] std::vector<ProfileWait> take() {
    std::vector<ProfileWait> waits;
    waits.reserve(sums_.size());
    for (auto& [key, sum] : sums_) waits.push_back(std::move(sum));
    std::ranges::stable_sort(waits, [](const auto& a, const auto& b) { return a.ns > b.ns; });
    return waits;
  }

 private:
  using Key = std::tuple<model::Cause, std::string, std::string, std::string, std::uint32_t, std::string>;
  std::map<Key, ProfileWait> sums_;
};

}  // namespace

std::vector<ProfileWait> waits_of(const std::vector<model::ProfileRow>& rows) {
  Waits waits;
  for (const auto& row : rows) {
    if (row.kind != Kind::wait) continue;
    ProfileWait wait{.cause = row.cause,
                     .what = describe(
                         {.cause = row.cause, .syscall = row.syscall, .culprit = row.culprit, .stack = {}}),
                     .frame = {},
                     .thread = {}};
    if (row.stack && !row.stack->frames.empty())
      wait.frame = *row.stack->frames.front();
    else
      wait.thread = row.thread;
    waits.add(std::move(wait), row);
  }
  return waits.take();
}

std::vector<ProfileWait> gil_waits_of(const std::vector<model::ProfileRow>& rows) {
  Waits waits;
  for (const auto& row : rows) {
    if (row.kind != Kind::wait) continue;
    ProfileWait wait{.cause = row.cause, .what = "an unknown thread", .frame = {}, .thread = row.thread};
    if (const auto* holder = model::culprit_as<model::GilHolder>(row.culprit); holder != nullptr && holder->tid != 0) {
      wait.what = holder->thread;
      if (!holder->stack.empty()) wait.what += " in " + holder->stack.front().function;
    }
    waits.add(std::move(wait), row);
  }
  return waits.take();
}

GilRows gil_rows(const std::vector<model::ProfileRow>& rows) {
  GilRows split;
  for (const auto& row : rows) {
    if (row.kind == Kind::idle) continue;
    if (row.holds_gil) {
      split.held.push_back(row);
      split.held_ns += row.ns;
    } else if (row.cause == model::Cause::gil) {
      split.waited.push_back(row);
      split.waited_ns += row.ns;
    }
  }
  return split;
}

std::vector<GilHolder> gil_holders_of(const std::vector<model::ProfileRow>& held) {
  std::map<std::pair<std::uint32_t, std::string>, std::uint64_t> sums;
  for (const auto& row : held) sums[{row.tid, row.thread}] += row.ns;
  std::vector<GilHolder> holders;
  holders.reserve(sums.size());
  for (const auto& [who, ns] : sums) holders.push_back({.tid = who.first, .thread = who.second, .ns = ns});
  std::ranges::stable_sort(holders, [](const auto& a, const auto& b) { return a.ns > b.ns; });
  return holders;
}

}  // namespace aiotrace::output
