#include "tests/support/match.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "tests/catch.h"
#include "tests/support/steal.h"

namespace aiotrace::testing {

namespace {

constexpr double kMs = 1e6;
constexpr double kShare = 0.95;

double number(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || !found->is_number() ? 0 : found->get<double>();
}

bool flag(const Json& object, const char* name) { return object.contains(name) && object[name] == true; }

Json field(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? Json(nullptr) : *found;
}

bool is_sampled(const std::string& cause) {
  return cause == "python" || cause == "native" || cause == "kernel" || cause == "gc";
}

/// A fault with one wait of a requested length.
bool one_wait(const Json& record) {
  static const std::set<std::string> kOneWait{"lock", "sleep", "network", "process", "other"};
  return kOneWait.contains(record["expected_cause"]) && field(record, "asked_ms").is_number();
}

double end_of(const Json& stall) { return number(stall, "start_ns") + number(stall, "duration_ns"); }

void check_task(const Json& record, const Json& stall) {
  // An empty name means the same as none.
  const auto same = [](const Json& ours, const Json& theirs) {
    return ours == theirs || (ours.is_null() && theirs == "");
  };
  INFO("task " << stall["task"].dump() << ", by its own account " << field(record, "task").dump() << " "
               << field(record, "coroutine").dump());
  CHECK(stall["task"].is_null() == field(record, "task").is_null());
  CHECK(same(field(stall["task"], "name"), field(record, "task")));
  CHECK(same(field(stall["task"], "coroutine"), field(record, "coroutine")));
}

// Within 0.2 ms or 0.5 %. If the loop's own clock saw the limits of the iteration, these count, else those of the
// blocking part. A clock that is read shortly after the poll's return, or before the next poll, misses delays of the
// program in between: its own iteration reaches from outer_start_ns to outer_end_ns at most (see ClockedSelector in
// tests/programs/records.py).
void check_duration(const Json& record, const Json& stall) {
  const bool own_clock = record.contains("iteration_end_ns") && !flag(record, "in_poll");
  const double theirs = own_clock ? number(record, "iteration_end_ns") - number(record, "iteration_start_ns")
                                  : number(record, "end_ns") - number(record, "start_ns");
  const bool outer = own_clock && record.contains("outer_start_ns") && record.contains("outer_end_ns");
  const double longest = outer ? number(record, "outer_end_ns") - number(record, "outer_start_ns") : theirs;
  const double ours = number(stall, "duration_ns");
  const double tolerance = std::max(0.2 * kMs, 0.005 * theirs) + stolen_ns();
  const double taken = record["expected_cause"] == "cpu-wait" ? 0 : cause_ns(stall, "cpu-wait");
  INFO("duration " << ours / kMs << " ms, by its own clock " << theirs / kMs << " to " << longest / kMs
                   << " ms, cpu-wait " << taken / kMs);
  // A delay before the poll's own switch-in belongs to no stall: for a stall inside a poll the program saw more.
  CHECK(ours >= (flag(record, "in_poll") ? theirs / 2 : theirs - tolerance));
  // Without the loop's clock nobody knows how long the callback ran before and after its blocking part: the cause then
  // has to fit, and check_cause bounds the rest. Running time belongs to the sampled cause if no sample shows
  // otherwise.
  if (own_clock)
    CHECK(ours <= longest + tolerance);
  else if (flag(record, "in_poll"))
    CHECK(ours <= theirs + tolerance + taken);
  else if (is_sampled(record["expected_cause"]))
    CHECK(cause_ns(stall, record["expected_cause"]) <= theirs + tolerance + kMs);
  else
    CHECK(cause_ns(stall, record["expected_cause"]) <= theirs + tolerance);
  // The kernel counts the wait for a CPU itself; the blocking part is nearly the whole iteration. If the count leaves
  // no room for the fault's requested time, the count is wrong: this was seen once for a futex wait of 100 ms, which
  // the kernel had counted completely as a wait for a CPU.
  const double room = one_wait(record) ? theirs - number(record, "asked_ms") * kMs + kMs : theirs;
  if (field(record, "wait_ns").is_number() && flag(record, "single") && number(record, "wait_ns") <= room) {
    const double waited = number(record, "wait_ns");
    const double reported = cause_ns(stall, "cpu-wait");
    INFO("cpu-wait " << reported / kMs << " ms, by the kernel's count " << waited / kMs << " ms");
    // Some kernels have switches without an event (aiotrace counts them as switch-unseen): allow one tick, and more if
    // a busy machine made it wait often.
    CHECK(reported >= waited - std::max({0.01 * ours, 4.5 * kMs, 0.05 * waited}));
  }
}

// The time of the fault with its cause. A waiting fault may have to run (interrupts, a slow emulated CPU): the kernel's
// count shows how long. The check of the duration covers the time before and after.
double meant_ns(const Json& record, const Json& stall) {
  const bool waits_for_cpu = record["expected_cause"] == "cpu-wait";
  if (flag(record, "in_poll") || !field(record, "end_ns").is_number())
    return waits_for_cpu ? number(stall, "duration_ns") : own_ns(stall);
  const double part = number(record, "end_ns") - number(record, "start_ns");
  if (waits_for_cpu) return part;
  // The end of a wait for a CPU is known to a sample only where its switch-in was unseen.
  const double waited = std::max(number(record, "wait_ns"), cause_ns(stall, "cpu-wait"));
  return part - waited - (is_sampled(record["expected_cause"]) ? 0 : number(record, "cpu_ns"));
}

void check_cause(const Json& record, const Json& stall) {
  const std::string cause = record["expected_cause"];
  INFO("causes " << stall["causes"].dump());
  CHECK(cause_ns(stall, cause) > 0);
  if (!flag(record, "single")) return;
  const double whole = meant_ns(record, stall);
  INFO("stolen from the machine meanwhile " << stolen_ns() / kMs << " ms, meant for it " << whole / kMs << " ms");
  // After a wait a thread has to take the GIL, whose holder may have to wait for a CPU. The wait itself had the
  // requested length.
  const bool waits = one_wait(record);
  const double gil = waits ? cause_ns(stall, "gil") : 0;
  if (waits) CHECK(cause_ns(stall, cause) >= 0.9 * number(record, "asked_ms") * kMs - stolen_ns());
  // With one sample per millisecond, the limits of running time are known to about one millisecond at each end.
  CHECK(cause_ns(stall, cause) >= kShare * (whole - gil) - stolen_ns() - (is_sampled(cause) ? 2 * kMs : 0));
}

void check_sums(const Json& stall) {
  double segments = 0;
  double causes = 0;
  for (const auto& segment : stall["segments"]) segments += number(segment, "ns");
  for (const auto& [name, ns] : stall["causes"].items()) causes += ns.get<double>();
  CHECK(std::abs(segments - number(stall, "duration_ns")) <= 0.01 * number(stall, "duration_ns"));
  CHECK(causes == number(stall, "duration_ns"));
}

}  // namespace

std::vector<Json> stalls_in(const std::vector<Json>& lines) {
  std::vector<Json> stalls;
  std::ranges::copy_if(lines, std::back_inserter(stalls),
                       [](const Json& line) { return line["type"] == "stall" && line["ongoing"] == false; });
  return stalls;
}

const Json* stall_of(const Json& record, const std::vector<Json>& stalls) {
  const Json* best = nullptr;
  double most = (number(record, "end_ns") - number(record, "start_ns")) / 2;
  for (const auto& stall : stalls) {
    if (record.contains("tid") && stall["tid"] != record["tid"]) continue;
    const double shared = std::min(end_of(stall), number(record, "end_ns")) -
                          std::max(number(stall, "start_ns"), number(record, "start_ns"));
    if (shared < most) continue;
    most = shared;
    best = &stall;
  }
  return best;
}

double cause_ns(const Json& stall, const std::string& cause) { return number(stall["causes"], cause.c_str()); }

double own_ns(const Json& stall) { return number(stall, "duration_ns") - cause_ns(stall, "cpu-wait"); }

const Json* segment_of(const Json& stall, const std::string& cause) {
  for (const auto& segment : stall["segments"]) {
    if (segment["cause"] == cause) return &segment;
  }
  return nullptr;
}

std::string text_of(const Json& stack) {
  std::string text;
  for (const auto& frame : stack)
    text += "\n  " + frame["function"].dump() + " (" + frame["file"].dump() + ":" + frame["line"].dump() + ")";
  return text;
}

void check_stack(const Json& record, const Json& stack) {
  const auto& theirs = record["stack"];
  if (!theirs.is_array() || theirs.empty()) return;
  INFO("the stack" << text_of(stack) << "\nby its own account\n  " << theirs.dump());
  REQUIRE(stack.is_array());
  REQUIRE(stack.size() >= theirs.size());
  // Inside the blocking frame there are only frames that it calls: the standard library.
  const std::size_t above = stack.size() - theirs.size();
  if (!flag(record, "stdlib")) CHECK(above == 0);
  std::string different;
  for (std::size_t i = 0; i < theirs.size(); ++i) {
    const auto& ours = stack[above + i];
    const bool function = ours["function"] == theirs[i][0] || (ours["function"].is_null() && theirs[i][0] == "");
    const auto line = ours["line"].is_number() ? ours["line"].get<int>() : 0;
    const bool at_line = i == 0 ? line >= record["line"] && line <= record["last_line"] : ours["line"] == theirs[i][2];
    if (!function || ours["file"] != theirs[i][1] || !at_line)
      different += "frame " + std::to_string(i) + ": " + ours.dump() + " is " + theirs[i].dump() + "\n";
  }
  CHECK(different == "");
}

void check_stall(const Json& record, const Json& stall) {
  INFO("fault " << field(record, "kind").dump() << " " << field(record, "label").dump());
  INFO(stall.dump());
  check_cause(record, stall);
  check_duration(record, stall);
  check_sums(stall);
  check_task(record, stall);
  CHECK(stall["thread"] == field(record, "thread"));
  const auto* segment = segment_of(stall, record["expected_cause"]);
  if (segment != nullptr) check_stack(record, (*segment)["stack"]);
}

void check_stalls(const std::vector<Json>& records, const std::vector<Json>& lines) {
  const auto stalls = stalls_in(lines);
  REQUIRE_FALSE(records.empty());
  INFO("losses " << field(lines.back(), "losses").dump());
  for (const auto& record : records) {
    if (field(record, "kind") == "incidental") continue;
    const auto* stall = stall_of(record, stalls);
    if (stall == nullptr)
      FAIL_CHECK("no stall for " << record.dump());
    else
      check_stall(record, *stall);
  }
}

Json page_data(const std::string& page) {
  const std::string begin = "id=\"data\">";
  const auto at = page.find(begin);
  REQUIRE(at != std::string::npos);
  CHECK(page.ends_with("</html>\n"));
  const auto from = at + begin.size();
  return Json::parse(page.substr(from, page.find("</script>", from) - from));
}

}  // namespace aiotrace::testing
