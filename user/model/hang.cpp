#include "model/hang.h"

#include <array>

namespace aiotrace::model {
namespace {

constexpr std::array<std::string_view, 9> kVerdicts = {"deadlock",  "self-wait",      "unresolvable",
                                                       "abandoned", "cancel-ignored", "pipe",
                                                       "exhausted", "held",           "waiting"};
static_assert(kVerdicts.size() == static_cast<std::size_t>(HangVerdict::waiting) + 1);
constexpr std::array<std::string_view, 11> kKinds = {"lock",     "semaphore", "condition", "event", "queue", "future",
                                                     "executor", "pool",      "process",   "pipe",  "thread"};
static_assert(kKinds.size() == static_cast<std::size_t>(ResourceKind::thread) + 1);
constexpr std::array<std::string_view, 3> kHows = {"with", "owner", "refers"};
static_assert(kHows.size() == static_cast<std::size_t>(HoldHow::refers) + 1);
constexpr std::array<std::string_view, 4> kStates = {"sleeping", "running", "waiting", "ended"};
static_assert(kStates.size() == static_cast<std::size_t>(PartyState::ended) + 1);

}  // namespace

bool is_final(HangVerdict verdict) { return verdict < HangVerdict::exhausted; }

std::string_view name(HangVerdict verdict) { return kVerdicts[static_cast<std::size_t>(verdict)]; }
std::string_view name(ResourceKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }
std::string_view name(HoldHow how) { return kHows[static_cast<std::size_t>(how)]; }
std::string_view name(PartyState state) { return kStates[static_cast<std::size_t>(state)]; }

}  // namespace aiotrace::model
