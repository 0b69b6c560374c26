// A list of tasks for people: table, tree, stacks.
#pragma once

#include <string>
#include <vector>

#include "model/task_row.h"
#include "output/context.h"

namespace aiotrace::output {

/// One line for each task below a heading; as wide as context.columns, names and places are cut to fit.
[[nodiscard]] std::vector<std::string> task_table(const std::vector<model::TaskRow>& tasks,
                                                  const OutputContext& context);

/// Who waits for whom: each task below the one that awaits it, tasks that nobody awaits come first. A task that several
/// tasks await is shown in full below the first and by name below the others; a cycle of tasks is marked. Levels are
/// indented up to kMaxTreeIndent, deeper ones have a number. Four or more siblings whose lines differ only in names and
/// numbers, including everything below them, become one line with their count, unless verbose: "session × 4,000".
[[nodiscard]] std::vector<std::string> task_tree(const std::vector<model::TaskRow>& tasks,
                                                 const OutputContext& context);
inline constexpr std::size_t kMaxTreeIndent = 24;

/// Each task with its whole await chain below it.
[[nodiscard]] std::vector<std::string> task_stacks(const std::vector<model::TaskRow>& tasks,
                                                   const OutputContext& context);

/// The process's loops, and the data that could not be read.
[[nodiscard]] std::vector<std::string> task_summary(const model::TaskListSummary& summary,
                                                    const OutputContext& context);

/// What a task runs, cleaned; without a library's coroutine that only stands around the program's.
[[nodiscard]] std::string coroutine_text(const model::TaskRow& task);

/// "sleep, 3.2 s left", "gather of 12 tasks".
[[nodiscard]] std::string wait_text(const model::TaskWait& wait);
/// "lock app.CACHE_LOCK, held by refresh-2 at cache.py:41"; clean.
[[nodiscard]] std::string wait_text(const model::TaskResource& waited);

}  // namespace aiotrace::output
