#include "model/losses.h"

#include <algorithm>
#include <iterator>

namespace aiotrace::model {
namespace {

// First the losses of `enum Loss` in its order, then those of single commands.
constexpr LossText kTexts[] = {
    {"ring-full", "record was lost: the ring buffer was full", "records were lost: the ring buffer was full"},
    {"threads-full", "thread was not traced: too many threads", "threads were not traced: too many threads"},
    {"stack-unreadable", "stack ends early: a frame could not be read", "stacks end early: a frame could not be read"},
    {"stack-too-deep", "stack is too deep: its outermost frames are missing",
     "stacks are too deep: their outermost frames are missing"},
    {"thread-unknown", "stack is missing: the thread's Python state was not found",
     "stacks are missing: the thread's Python state was not found"},
    {"name-unreadable", "function has no name: it could not be read", "functions have no name: it could not be read"},
    {"task-unreadable", "time a task could not be read", "times a task could not be read"},
    {"seen-full", "stack or function was sent again: the table of those sent is full",
     "stacks or functions were sent again: the table of those sent is full"},
    {"switch-unseen", "wait is accurate to 1 ms only", "waits are accurate to 1 ms only"},
    {"native-missing", "native stack is missing: no room for it", "native stacks are missing: no room for them"},
    {"bad-record", "record was not understood", "records were not understood"},
    {"iteration-incomplete", "stall is incomplete: some of its records were lost",
     "stalls are incomplete: some of their records were lost"},
    {"stack-missing", "stack is missing: its record was lost", "stacks are missing: their records were lost"},
    {"native-cut", "native stack is cut at its outer end", "native stacks are cut at their outer end"},
    {"file-too-large", "file is too large to read: names of its functions may be missing",
     "files are too large to read: names of their functions may be missing"},
    // awaits
    {"task-list-torn", "snapshot may lack tasks: their list changed while it was read",
     "snapshots may lack tasks: their list changed while it was read"},
    // awaits --exact
    {"tasks-full", "task was not followed: too many tasks", "tasks were not followed: too many tasks"},
    {"sites-full", "await was not counted: too many places", "awaits were not counted: too many places"},
    {"task-unknown", "step was not counted: its task was not found",
     "steps were not counted: their task was not found"},
    {"chain-too-deep", "await chain is too deep: its innermost part is missing",
     "await chains are too deep: their innermost part is missing"},
    {"groups-full", "start delay was not counted: too many task names",
     "start delays were not counted: too many task names"},
    {"ready-unknown", "start delay was not counted: what made the task ready was not seen",
     "start delays were not counted: what made the task ready was not seen"},
    // profile
    {"rows_over", "sample or wait was counted without its place: too many places",
     "samples or waits were counted without their place: too many places"},
};
static_assert(std::size(kTexts) >= kLosses);

}  // namespace

std::string_view name(Loss loss) {
  const auto at = static_cast<std::size_t>(loss);
  return at < kLosses ? kTexts[at].name : "unknown";
}

const LossText* loss_text(std::string_view name) {
  const auto* found = std::ranges::find(kTexts, name, &LossText::name);
  return found == std::end(kTexts) ? nullptr : found;
}

}  // namespace aiotrace::model
