// Compares a target's record with aiotrace's stall: the target describes what it did, aiotrace what it saw.
#pragma once

#include <string>
#include <vector>

#include "tests/support/scratch.h"

namespace aiotrace::testing {

/// The stalls that are over.
[[nodiscard]] std::vector<Json> stalls_in(const std::vector<Json>& lines);
/// The stall that covers most of the record's time in its thread; null if none covers half of it.
[[nodiscard]] const Json* stall_of(const Json& record, const std::vector<Json>& stalls);

/// CHECKs cause, stack, line, task, coroutine, thread, duration and the sum of the segments.
void check_stall(const Json& record, const Json& stall);
/// The same for every record; each must have its stall.
void check_stalls(const std::vector<Json>& records, const std::vector<Json>& lines);

/// The stall's time without its wait for a CPU that others had, because the target did not cause that wait.
[[nodiscard]] double own_ns(const Json& stall);
[[nodiscard]] double cause_ns(const Json& stall, const std::string& cause);
/// The largest segment of the cause; null: none.
[[nodiscard]] const Json* segment_of(const Json& stall, const std::string& cause);
/// "function (file:line)", innermost first, for messages.
[[nodiscard]] std::string text_of(const Json& stack);
/// The record's innermost line and all frames below it; CHECKs them against a segment's.
void check_stack(const Json& record, const Json& stack);

/// Violations of user/doc/aiotrace.schema.json, line by line; a field that it does not describe is a violation.
[[nodiscard]] std::vector<std::string> form_complaints(const std::vector<Json>& lines);
/// The same for a run that watches for stalls, and its frame (`watching` first, `summary` last) and sums.
[[nodiscard]] std::vector<std::string> schema_complaints(const std::vector<Json>& lines);
/// The same for `aiotrace profile`.
[[nodiscard]] std::vector<std::string> profile_complaints(const std::vector<Json>& lines);

/// The data of a page of --html; fails the test if it is no such page.
[[nodiscard]] Json page_data(const std::string& page);

}  // namespace aiotrace::testing
