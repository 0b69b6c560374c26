#include "model/hang_news.h"

#include <utility>

namespace aiotrace::model {
namespace {

// `await asyncio.Future()`: a task that is to run for ever, as the servers of a program are.
bool is_meant(const Hang& hang) {
  return hang.verdict == HangVerdict::unresolvable && hang.resource.name.empty() && hang.resource.waiting < 2;
}

bool matters(const Hang& hang, std::uint64_t now_ns) {
  if (is_meant(hang)) return false;
  if (is_final(hang.verdict)) return true;
  const bool one_is_enough = hang.verdict == HangVerdict::cancel_ignored;
  if (!one_is_enough && hang.verdict != HangVerdict::held && hang.verdict != HangVerdict::exhausted) return false;
  if ((!one_is_enough && hang.resource.waiting < HangNews::kCrowd) || !hang.since_ns) return false;
  return *hang.since_ns <= now_ns && now_ns - *hang.since_ns >= HangNews::kHeldNs;
}

}  // namespace

std::vector<Hang> HangNews::of(const std::vector<Hang>& found, std::uint64_t now_ns) {
  std::vector<Hang> news;
  std::unordered_map<std::uint64_t, std::uint64_t> reported;
  for (const Hang& hang : found) {
    const auto before = reported_.find(hang.id);
    const bool known = before != reported_.end();
    if (!known && !matters(hang, now_ns)) continue;
    const bool grown = !known || hang.resource.waiting >= 2 * before->second;
    reported.emplace(hang.id, grown ? hang.resource.waiting : before->second);
    if (grown) news.push_back(hang);
  }
  reported_ = std::move(reported);
  return news;
}

}  // namespace aiotrace::model
