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

/// Who waits for whom: each task below the one that awaits it, those that nobody awaits first. One that several await
/// is written out below the first and named below the others; a ring of tasks that wait for each other says so.
/// Indented to kMaxTreeIndent levels, deeper ones by number. Four siblings and more that read the same but for names
/// and numbers, with all below them, are one line with their count, unless verbose: "session × 4,000".
[[nodiscard]] std::vector<std::string> task_tree(const std::vector<model::TaskRow>& tasks,
                                                 const OutputContext& context);
inline constexpr std::size_t kMaxTreeIndent = 24;

/// Each task with its whole await chain below.
[[nodiscard]] std::vector<std::string> task_stacks(const std::vector<model::TaskRow>& tasks,
                                                   const OutputContext& context);

/// The process's loops and what could not be read.
[[nodiscard]] std::vector<std::string> task_summary(const model::TaskListSummary& summary,
                                                    const OutputContext& context);

/// "sleep, 3.2 s left", "gather of 12 tasks".
[[nodiscard]] std::string wait_text(const model::TaskWait& wait);
/// "lock app.CACHE_LOCK, held by refresh-2 at cache.py:41"; clean.
[[nodiscard]] std::string wait_text(const model::TaskResource& waited);

}  // namespace aiotrace::output
