// aiotrace hang, against what the program wrote down itself of who took what.
#include <signal.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <set>

#include "tests/catch.h"
#include "tests/support/hung.h"

namespace aiotrace::testing {
namespace {

bool is_final(const Json& hang) {
  static const std::set<std::string> kNotFinal{"held", "exhausted", "waiting"};
  return !kNotFinal.contains(hang["verdict"].get<std::string>());
}

// The names of a ring in its order, the least one first.
std::vector<std::string> ring_of(const Json& hang) {
  std::map<std::uint64_t, std::string> names;
  for (const auto& waiter : hang["waiters"]) names[waiter["id"]] = waiter["name"];
  std::vector<std::string> ring;
  for (const auto& id : hang["ring"]) ring.push_back(names.at(id));
  std::ranges::rotate(ring, std::ranges::min_element(ring));
  return ring;
}

std::uint64_t count_of(const Json& parties) {
  std::uint64_t sum = 0;
  for (const auto& party : parties) sum += party["count"].get<std::uint64_t>();
  return sum;
}

void check_rings(const Hung& hung, const Json& said) {
  std::set<std::vector<std::string>> rings, expected;
  std::uint64_t stuck = 0;
  for (const auto& hang : hung.hangs) {
    if (!is_final(hang)) continue;
    CHECK(hang["exact"] == true);
    // Tasks that the program lets wait for what nobody has.
    if (hang["verdict"] == "unresolvable") continue;
    CHECK(hang["verdict"] == "deadlock");
    rings.insert(ring_of(hang));
    stuck += count_of(hang["waiters"]);
  }
  for (const auto& ring : said["rings"]) expected.insert(ring.get<std::vector<std::string>>());
  CHECK(rings == expected);
  CHECK(stuck == said["stuck"].size());
  CHECK(hung.summary["proved"] >= expected.size());
}

// Of the locks that are in no ring: each with its holder.
void check_held(const Hung& hung, const Json& said) {
  std::set<std::string> stuck;
  for (const auto& name : said["stuck"]) stuck.insert(name);
  for (const auto& [lock, its] : said["locks"].items()) {
    if (stuck.contains(its["holder"])) continue;
    INFO(lock << " " << its.dump());
    const auto hang = std::ranges::find_if(hung.hangs, [&](const Json& each) {
      return each["resource"]["name"] == "__main__." + lock;
    });
    REQUIRE(hang != hung.hangs.end());
    CHECK((*hang)["verdict"] == "held");
    CHECK((*hang)["exact"] == true);
    CHECK((*hang)["resource"]["kind"] == "lock");
    CHECK((*hang)["resource"]["waiting"] == its["waiters"].size());
    CHECK(count_of((*hang)["waiters"]) == its["waiters"].size());
    REQUIRE((*hang)["holders"].size() == 1);
    CHECK((*hang)["holders"][0]["name"] == its["holder"]);
    CHECK((*hang)["holders"][0]["how"] == "with");
  }
}

std::vector<Json> of_type(const std::vector<Json>& lines, const std::string& type) {
  std::vector<Json> found;
  std::ranges::copy_if(lines, std::back_inserter(found), [&](const Json& line) { return line["type"] == type; });
  return found;
}

std::vector<Json> tasks_of(pid_t pid) {
  const auto outcome = run({aiotrace_binary(), "tasks", "-p", std::to_string(pid), "--json", "-"});
  CHECK(outcome.status == 0);
  const auto lines = ndjson(outcome.out);
  CHECK(form_complaints(lines) == std::vector<std::string>{});
  return of_type(lines, "task");
}

// The list of tasks names the same locks and holders.
void check_tasks(const std::vector<Json>& tasks, const Json& said) {
  std::size_t seen = 0;
  for (const auto& [lock, its] : said["locks"].items()) {
    for (const auto& waiter : its["waiters"]) {
      const auto task = std::ranges::find_if(tasks, [&](const Json& each) { return each["name"] == waiter; });
      if (task == tasks.end()) continue;  // a thread
      INFO(lock << " " << its.dump() << "\n" << task->dump());
      const auto& wait = (*task)["waits_for"];
      REQUIRE(wait.contains("resource"));
      CHECK(wait["kind"] == "lock");
      CHECK(wait["resource"]["name"] == "__main__." + lock);
      CHECK(wait["resource"]["waiting"] == its["waiters"].size());
      REQUIRE(wait["holders"].size() == 1);
      CHECK(wait["holders"][0]["name"] == its["holder"]);
      seen++;
    }
  }
  CHECK(seen > 2);
}

FOR_EACH_PYTHON(hangs_graphs, "hang: rings and holders are those that the program wrote down", "[hangs]") {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  for (const char* seed : {"1", "2", "3"}) {
    INFO("seed " << seed);
    Target target(python, "hang_graphs.py", {"--seed", seed});
    target.wait_ready();
    const auto said = Json::parse(target.line());
    REQUIRE(!said["rings"].empty());
    REQUIRE(said["locks"].size() > 2);
    const auto hung = hang_command(target.pid(), {"--fail-on-hang"});
    check_rings(hung, said);
    check_held(hung, said);
    CHECK(hung.status == 4);
    check_tasks(tasks_of(target.pid()), said);
  }
}

// Await sites name what is waited for there, and who has it.
void check_awaits(const std::vector<Json>& awaits, const Json& said) {
  std::size_t seen = 0;
  for (const auto& await : awaits) {
    const auto& resource = await["resource"];
    if (resource.is_null() || !resource["name"].is_string()) continue;
    const std::string name = resource["name"];
    const std::string lock = name.substr(name.rfind('.') + 1);
    if (!said["locks"].contains(lock)) continue;
    INFO(await.dump());
    CHECK(await["awaits"] == "Lock.acquire");
    CHECK(resource["kind"] == "lock");
    CHECK(resource["waiting"] == said["locks"][lock]["waiters"].size());
    REQUIRE(await["holders"].size() == 1);
    CHECK(await["holders"][0]["name"] == said["locks"][lock]["holder"]);
    seen++;
  }
  CHECK(seen > 1);
}

FOR_FEW_PYTHONS(hangs_awaits, "awaits: a site names what is waited for there, and who has it", "[hangs][awaits]") {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  Target target(python, "hang_graphs.py", {"--seed", "2"});
  target.wait_ready();
  const auto said = Json::parse(target.line());
  const auto outcome = run(
      {aiotrace_binary(), "awaits", "-p", std::to_string(target.pid()), "-d", "200ms", "--json", "-"});
  CHECK(outcome.status == 0);
  const auto lines = ndjson(outcome.out);
  CHECK(form_complaints(lines) == std::vector<std::string>{});
  check_awaits(of_type(lines, "await"), said);
}

FOR_FEW_PYTHONS(hangs_healthy, "hang: a busy program that contends for locks has no verdict", "[hangs]") {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  Target target(python, "hang_graphs.py", {"--healthy", "100"});
  target.wait_ready();
  const auto hung = hang_command(target.pid(), {"--watch=100ms", "-d", "2s", "--fail-on-hang"});
  CHECK(hung.status == 0);
  CHECK(hung.summary["looks"] >= 3);
  for (const auto& hang : hung.hangs) CHECK(!is_final(hang));
}

// The same beside stalls: in text, JSON, a recording, a page and a trace.
FOR_FEW_PYTHONS(hangs_watched, "a hang is reported while stalls are watched", "[hangs]") {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  Target target(python, "hang_graphs.py", {"--seed", "2"});
  target.wait_ready();
  const auto said = Json::parse(target.line());
  Tracer tracer({"-p", std::to_string(target.pid()), "-d", "3s", "--fail-on-hang", "--record", "FILE:recording",
                 "--html", "FILE:page", "--perfetto", "FILE:trace"});
  CHECK(tracer.wait() == 4);
  Hung hung{.hangs = of_type(tracer.lines(), "hang"), .look = {}, .summary = tracer.lines().back(), .status = 0};
  CHECK(form_complaints(tracer.lines()) == std::vector<std::string>{});
  hung.summary["proved"] = hung.summary["hangs"]["proved"];
  CHECK(hung.summary["hangs"]["looks"] == 2);
  check_rings(hung, said);
  for (const auto& hang : hung.hangs) CHECK(is_final(hang));  // nothing else is news in 3 s
  const std::string text = tracer.out();
  CHECK(text.contains("  HANG  pid " + std::to_string(target.pid()) + ": deadlock: "));
  CHECK(text.contains("wait for each other"));
  CHECK(text.contains("\nHangs: " + std::to_string(hung.hangs.size()) + " proved in 2 looks\n"));
  CHECK(slurp(tracer.file("page")).contains("wait for each other"));
  CHECK(slurp(tracer.file("trace")).contains("wait for each other"));
  const auto again = run({aiotrace_binary(), "report", tracer.file("recording"), "--json", "-"});
  CHECK(again.status == 0);
  CHECK(of_type(ndjson(again.out), "hang") == hung.hangs);
  CHECK(run({aiotrace_binary(), "report", tracer.file("recording"), "-q", "--fail-on-hang"}).status == 4);
}

TEST_CASE("hangs of several processes have different numbers", "[hangs]") {
  Target one(any_python(), "hang_graphs.py", {"--seed", "2"}), other(any_python(), "hang_graphs.py", {"--seed", "2"});
  one.wait_ready();
  other.wait_ready();
  Tracer tracer({"-p", std::to_string(one.pid()) + "," + std::to_string(other.pid())});
  std::set<std::uint64_t> ids;
  for (const auto* target : {&one, &other}) {
    (void)tracer.wait_line([&](const Json& line) { return line["type"] == "hang" && line["pid"] == target->pid(); });
  }
  tracer.process().signal(SIGINT);
  CHECK(tracer.wait() == 0);
  const auto hangs = of_type(tracer.lines(), "hang");
  for (const auto& hang : hangs) ids.insert(hang["id"].get<std::uint64_t>());
  CHECK(ids.size() == hangs.size());
}

FOR_FEW_PYTHONS(hangs_none_watched, "a busy program has no hang while stalls are watched", "[hangs]") {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  Target target(python, "hang_graphs.py", {"--healthy", "100"});
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid()), "-d", "2s", "--fail-on-hang"});
  const int status = tracer.wait();
  CHECK(of_type(tracer.lines(), "hang").empty());
  // A look that misses more than a twentieth of the tasks, which go on while they are read, is none.
  const Json hangs = tracer.lines().back()["hangs"];
  CHECK(status == (hangs.is_null() ? 1 : 0));
  CHECK((hangs.is_null() || hangs["proved"] == 0));
  CHECK(tracer.out().contains("\nHangs: none proved in ") == !hangs.is_null());
}

void check_threads(const Hung& hung, const Json& said) {
  std::set<std::vector<std::string>> rings;
  for (const auto& hang : hung.hangs) {
    INFO(hang.dump().substr(0, 2000));
    if (is_final(hang)) CHECK(hang["exact"] == true);
    if (hang["verdict"] == "deadlock" && hang["resource"]["kind"] == "lock") rings.insert(ring_of(hang));
  }
  CHECK(rings == said["rings"].get<std::set<std::vector<std::string>>>());
  const auto* own = with_waiter(hung, said["self_wait"]);
  REQUIRE(own != nullptr);
  CHECK((*own)["verdict"] == "self-wait");
  for (const auto& name : said["unresolvable"]) {
    const auto* lost = with_waiter(hung, name);
    REQUIRE(lost != nullptr);
    CHECK((*lost)["verdict"] == "unresolvable");
  }
  for (const auto& [holder, waiter] : said["held"].items()) {
    const auto* held = with_waiter(hung, waiter);
    REQUIRE(held != nullptr);
    CHECK((*held)["verdict"] == "held");
    CHECK((*held)["exact"] == true);
    CHECK((*held)["holders"][0]["name"] == holder);
    CHECK((*held)["holders"][0]["state"] == "sleeping");
  }
}

void check_executors(const Hung& hung, const Json& said) {
  std::size_t exhausted = 0, deadlocks = 0;
  for (const auto& hang : hung.hangs) {
    const Json& resource = hang["resource"];
    if (resource["kind"] != "executor") continue;
    CHECK(resource["class"] == "ThreadPoolExecutor");
    if (hang["verdict"] == "exhausted") {
      exhausted++;
      CHECK(hang["exact"] == true);
      CHECK(resource["name"] == "__main__.BUSY");
      CHECK(resource["capacity"] == said["exhausted"]["capacity"]);
      CHECK(resource["out"] == said["exhausted"]["capacity"]);
      CHECK(resource["waiting"] == said["exhausted"]["waiting"]);
      CHECK(hang["holders"].size() == said["exhausted"]["capacity"]);
    } else {
      deadlocks++;
      CHECK(hang["verdict"] == "deadlock");
      CHECK(resource["name"] == "__main__.SMALL");
      CHECK(hang["holders"].size() == said["executor"]["threads"]);
    }
  }
  CHECK(exhausted == 1);
  CHECK(deadlocks == 1);
}

FOR_EACH_PYTHON(hangs_threads, "hang: threads, executors and a loop that waits for itself", "[hangs]") {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  Target target(python, "hang_threads.py");
  target.wait_ready();
  const auto said = Json::parse(target.line());
  const auto hung = hang_command(target.pid());
  CHECK(hung.status == 0);
  check_threads(hung, said);
  check_executors(hung, said);
  std::size_t of_busy = 0;
  for (const auto& task : tasks_of(target.pid())) {
    const auto& wait = task["waits_for"];
    if (wait.is_null() || !wait.contains("resource") || wait["resource"]["name"] != "__main__.BUSY") continue;
    of_busy++;
    CHECK(wait["kind"] == "executor");
    CHECK(wait["resource"]["capacity"] == said["exhausted"]["capacity"]);
    CHECK(wait["resource"]["out"] == said["exhausted"]["capacity"]);
    CHECK(wait["holders"].size() == said["exhausted"]["capacity"]);
  }
  CHECK(of_busy >= said["exhausted"]["waiting"]);
}

bool has_line(const std::string& path, const std::function<bool(const Json&)>& wanted) {
  return std::ranges::any_of(ndjson(slurp(path)), wanted);
}

FOR_FEW_PYTHONS(hangs_exec, "hang: a program that became another one between two looks is looked at anew", "[hangs]") {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  Target target(python, "hang_graphs.py", {"--seed", "1", "--exec-first"});
  target.wait_ready();
  const Scratch out;
  Process hang(
      {aiotrace_binary(), "hang", "-p", std::to_string(target.pid()), "--watch=3s", "-q", "--json", out.file("json")});
  const auto looked = [&](const Json& line) { return line["type"] == "look"; };
  REQUIRE(out.wait_until(hang, [&] { return has_line(out.file("json"), looked); }));
  // No look may come before the other one hangs.
  hang.signal(SIGSTOP);
  target.go();
  target.wait_ready();
  const auto said = Json::parse(target.line());
  hang.signal(SIGCONT);
  const auto second = [&](const Json& line) { return line["type"] == "look" && line["number"] == 2; };
  REQUIRE(out.wait_until(hang, [&] { return has_line(out.file("json"), second); }));
  hang.signal(SIGINT);
  CHECK(hang.wait() == 0);
  Hung hung{.hangs = {}, .look = {}, .summary = ndjson(slurp(out.file("json"))).back()};
  for (const auto& line : ndjson(slurp(out.file("json")))) {
    if (line["type"] == "hang") hung.hangs.push_back(line);
  }
  check_rings(hung, said);
}

// What lies behind managers that were not looked at may be a timeout: here it is.
FOR_FEW_PYTHONS(hangs_hostile, "hang: managers that lead to themselves are not followed for ever", "[hangs]") {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  Target target(python, "hang_hostile.py");
  target.wait_ready();
  const auto said = Json::parse(target.line());
  const auto hung = hang_command(target.pid(), {"--fail-on-hang"});
  CHECK(hung.status == 0);
  // A tenth of what it would take to be ended by its deadline.
  CHECK(hung.look["duration_ns"] < 6'000'000'000);
  for (const auto& hang : hung.hangs) CHECK(!is_final(hang));
  std::vector<std::string> waiters = said["in_time"];
  waiters.push_back(said["waiter"]);
  for (const auto& waiter : waiters) {
    INFO(waiter);
    const auto* held = with_waiter(hung, waiter);
    REQUIRE(held != nullptr);
    CHECK((*held)["verdict"] == "held");
  }
  const auto* held = with_waiter(hung, said["waiter"]);
  REQUIRE((*held)["holders"].size() == 1);
  CHECK((*held)["holders"][0]["name"] == said["holder"]);
}

}  // namespace
}  // namespace aiotrace::testing
