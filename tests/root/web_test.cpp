// `aiotrace leaks` and `aiotrace tasks` on applications of aiohttp and FastAPI that serve requests meanwhile, and the
// printed reports of their stalls.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <map>
#include <regex>
#include <set>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"
#include "util/text.h"

namespace aiotrace::testing {
namespace {

using Counts = std::map<std::pair<std::string, std::string>, std::uint64_t>;  // (class, coroutine)

class Server {
 public:
  Server(const Python& python, const std::string& framework, const std::string& loop)
      : target_(python, "web_app.py", {"--framework", framework, "--loop", loop}), client_(python.command) {
    port_ = std::to_string(Json::parse(target_.line())["port"].get<int>());
  }

  [[nodiscard]] pid_t pid() const { return target_.pid(); }

  [[nodiscard]] std::vector<std::string> client(const std::vector<std::string>& arguments) const {
    auto command = client_;
    command.insert(command.end(), {program("http_load.py"), "--port", port_});
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
  }

  std::string get(const std::string& path, int count = 1) const {
    const auto outcome = run(client({"--count", std::to_string(count), "--body", path}));
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    return outcome.out;
  }

  /// Its own account of its leaks; a dropped object has no count.
  [[nodiscard]] Counts said() const {
    Counts counts;
    const auto answer = Json::parse(get("/said"));
    for (const auto& [leak_class, names] : answer.items()) {
      for (const auto& [name, count] : names.items())
        counts[{leak_class, name}] = count.is_null() ? 0 : count.get<std::uint64_t>();
    }
    return counts;
  }

 private:
  Target target_;
  std::vector<std::string> client_;
  std::string port_;
};

/// Clients that request everything that does not leak, during the lifetime of this object.
class Load {
 public:
  static constexpr int kConnections = 4;

  explicit Load(const Server& server)
      : input_(scratch_.file("input")),
        out_(scratch_.create("out")),
        process_(server.client(
                     {"--connections", std::to_string(kConnections), "/", "/stream", "/client", "/pool", "/slow"}),
                 {.in = input_.fd(), .out = out_.get(), .err = 2}) {}

  /// Ends it; requests that were answered.
  int answered() {
    input_.send();
    REQUIRE(process_.wait() == 0);
    return std::stoi(slurp(scratch_.file("out")));
  }

 private:
  Scratch scratch_;
  Fifo input_;
  UniqueFd out_;
  Process process_;
};

/// Rows of one scan that report a problem: all except tasks that have waited for less than --age.
Counts suspected(const std::vector<Json>& lines, std::uint64_t scan) {
  Counts counts;
  for (const auto& line : lines) {
    if (line["type"] != "leak" || line["scan"] != scan || line["idle"] == true) continue;
    if (line["class"] == "stuck" && line["status"] == "candidate") continue;
    const auto count = line["count"].is_null() ? 0 : line["count"].get<std::uint64_t>();
    counts[{line["class"], line["coroutine"].is_null() ? "?" : line["coroutine"].get<std::string>()}] += count;
  }
  return counts;
}

std::uint64_t total(const Counts& counts) {
  std::uint64_t sum = 0;
  for (const auto& [leak, count] : counts) sum += count;
  return sum;
}

bool subset(const Counts& some, const Counts& all) {
  return std::ranges::all_of(some, [&](const auto& each) {
    const auto known = all.find(each.first);
    return known != all.end() && each.second <= known->second;
  });
}

// Requests take 0.3 s at most, on a machine that is busy several times that.
constexpr std::uint64_t kAgeNs = 3'000'000'000;

/// Makes several scans. The last one is long enough after the first one that objects that were always there are leaks,
/// and it has everything that is `expected`, if given. The time that this takes depends on the machine.
std::vector<Json> watch(const Server& server, const Counts* expected = nullptr) {
  Tracer tracer({"leaks", "-p", std::to_string(server.pid()), "--watch=100ms", "--age", "3s"});
  std::uint64_t first_ns = 0;
  (void)tracer.wait_line([&](const Json& line) {
    if (line["type"] != "scan") return false;
    const auto start_ns = line["start_ns"].get<std::uint64_t>();
    if (first_ns == 0) first_ns = start_ns;
    if (line["number"] < 4 || start_ns < first_ns + kAgeNs + kAgeNs / 4) return false;
    return expected == nullptr || suspected(tracer.lines(), line["number"]) == *expected;
  });
  tracer.process().signal(SIGINT);
  CHECK(tracer.wait() == 0);
  CHECK(tracer.err() == "");
  return tracer.lines();
}

/// The scan's rows, shown with a failure.
std::string rows_of(const std::vector<Json>& lines, const Json& scan) {
  std::string all;
  for (const auto& line : lines) {
    if (line["type"] == "leak" && line["scan"] == scan) all += line.dump() + "\n";
  }
  return all;
}

void check_rows(const std::vector<Json>& lines) {
  const std::map<std::string, std::vector<std::string>> stacks = {{"write_audit", {}},
                                                                  {"poll_upstream", {"inner_wait", "poll_upstream"}},
                                                                  {"wait_forever", {"inner_wait", "wait_forever"}},
                                                                  {"read_rows", {"read_rows"}}};
  for (const auto& line : lines) {
    if (line["type"] != "leak" || line["coroutine"].is_null() || !stacks.contains(line["coroutine"])) continue;
    INFO(line.dump());
    CHECK(line["file"].get<std::string>().ends_with("/web_app.py"));
    std::vector<std::string> functions;
    for (const auto& frame : line["stack"]) functions.push_back(frame["function"]);
    CHECK(functions == stacks.at(line["coroutine"]));
  }
}

void check_leaks(const Python& python, const std::string& framework, const std::string& loop) {
  Server server(python, framework, loop);
  Load load(server);
  // The healthy parts have no suspects.
  const auto healthy = watch(server);
  for (const auto& line : healthy) {
    if (line["type"] != "scan") continue;
    INFO(rows_of(healthy, line["number"]));
    CHECK(suspected(healthy, line["number"]) == Counts{});
  }

  std::map<std::string, int> wanted = {{"never", 5},  {"orphan", 4},    {"stuck", 3},
                                       {"unread", 2}, {"generator", 2}, {"dropped", 1}};
  for (const auto& [kind, count] : wanted) server.get("/leak/" + kind, count);
  const Counts said = server.said();
  REQUIRE(said.size() == wanted.size());
  const auto leaking = watch(server, &said);
  check_rows(leaking);
  Counts but_stuck = said;
  but_stuck.erase({"stuck", "wait_forever"});
  std::uint64_t last = 0;
  bool whole = false;
  for (const auto& line : leaking) {
    if (line["type"] != "scan") continue;
    last = line["number"];
    auto found = suspected(leaking, last);
    found.erase({"stuck", "wait_forever"});
    INFO(rows_of(leaking, last) << line.dump());
    // Objects that a scan sees for the first time and cannot confirm at once are left out and counted, because objects
    // in a running frame may be in use. Known objects stay.
    if (!whole && found != but_stuck) {
      CHECK(subset(found, but_stuck));
      CHECK(line["losses"]["unconfirmed"] >= total(but_stuck) - total(found));
    } else {
      CHECK(found == but_stuck);
    }
    whole = whole || found == but_stuck;
  }
  INFO(rows_of(leaking, last));
  CHECK(suspected(leaking, last) == said);
  for (const auto& line : leaking) {
    if (line["type"] == "leak" && line["scan"] == last && said.contains({line["class"], line["coroutine"]}))
      CHECK(line["status"] == "leak");
  }
  CHECK(load.answered() > 20);
}

void check_tasks(const Python& python, const std::string& framework, const std::string& loop) {
  constexpr int kStuck = 7, kLooks = 20;
  Server server(python, framework, loop);
  server.get("/leak/stuck", kStuck);
  Load load(server);
  std::set<std::string> coroutines;
  int torn = 0;
  for (int i = 0; i < kLooks; ++i) {
    const auto outcome = run({aiotrace_binary(), "tasks", "-p", std::to_string(server.pid()), "--json", "-"});
    REQUIRE(outcome.err == "");
    REQUIRE(outcome.status == 0);
    std::set<std::uint64_t> ids;
    int stuck = 0;
    const auto lines = ndjson(outcome.out);
    for (const auto& line : lines) {
      if (line["type"] != "task") continue;
      CHECK(ids.insert(line["id"].get<std::uint64_t>()).second);
      if (!line["coroutine"].is_null()) coroutines.insert(line["coroutine"].get<std::string>());
      if (line["coroutine"] != "wait_forever") continue;
      ++stuck;
      INFO(line.dump());
      CHECK(line["state"] == "pending");
      CHECK(line["waits_for"]["kind"] == "future");
      REQUIRE(line["stack"].size() == 2);
      CHECK(line["stack"][0]["function"] == "inner_wait");
      CHECK(line["stack"][1]["function"] == "wait_forever");
    }
    // Tasks that come and go while the list is walked can hide others, in each try: this is reported.
    const bool whole = lines.back()["losses"]["task-list-torn"] == 0;
    torn += whole ? 0 : 1;
    CHECK((stuck == kStuck || (!whole && stuck < kStuck)));
  }
  CHECK(torn <= kLooks / 2);
  // The requests themselves were seen too, in one snapshot or another.
  CHECK(coroutines.size() >= 3);
  CHECK(load.answered() >= Load::kConnections);
}

bool begins_stall(const std::string& line) {
  return std::regex_search(line, std::regex("^[0-9:.]{12}  (STALL|ERROR)  "));
}

/// Stalls that a line counts: ongoing stalls are counted by the line of their end.
std::uint64_t stalls_counted_by(const std::string& line) {
  if (!begins_stall(line) || line.contains("still running")) return 0;
  std::smatch more;
  return std::regex_search(line, more, std::regex("  ([0-9]+) more, up to ")) ? std::stoull(more[1]) : 1;
}

void check_block(const std::vector<std::string>& block) {
  INFO(block.front());
  CHECK(block.size() <= 12);
  const bool own = std::ranges::any_of(block, [](const auto& line) { return line.contains("web_stalls.py:"); });
  for (const auto& line : block) {
    CHECK(display_width(line) <= 100);
    // The stack of the program's own functions has no other frames; a second part may have some.
    if (own && block.size() <= 7) CHECK_FALSE(line.contains("site-packages"));
  }
}

// For a tired operator: few lines, the program's own lines first, and no stall is missing.
void check_stalls(const Python& python, const std::string& framework, const std::string& loop) {
  Server server(python, framework, loop);
  Tracer tracer({"-p", std::to_string(server.pid()), "--leaks", "off"});
  tracer.wait_watching();
  const std::map<std::string, std::string> functions = {{"sleep", "retry_with_backoff"},
                                                        {"compute", "build_report"},
                                                        {"network", "ask_upstream"},
                                                        {"file", "store_upload"},
                                                        {"gil", "build_report"}};
  for (const auto& [kind, function] : functions) server.get("/stall/" + kind, 4);
  tracer.process().signal(SIGINT);
  REQUIRE(tracer.wait() == 0);
  const auto out = tracer.out();
  INFO(out);
  std::vector<std::vector<std::string>> blocks;
  std::uint64_t counted = 0;
  for (const auto& line : lines_of(out)) {
    if (line.starts_with("Watched ")) break;
    counted += stalls_counted_by(line);
    if (begins_stall(line)) blocks.emplace_back();
    if (!blocks.empty() && !line.empty()) blocks.back().push_back(line);
  }
  for (const auto& block : blocks) check_block(block);
  for (const auto& [kind, function] : functions) {
    INFO(kind);
    CHECK(std::regex_search(out, std::regex("\n     " + function + " +[^ ]*web_stalls\\.py:[0-9]+\n")));
  }
  const auto lines = tracer.lines();
  const auto& summary = lines.back();
  CHECK(counted == summary["stalls"]);
  CHECK(counted >= 20);
  std::uint64_t of_loops = 0;
  for (const auto& each : summary["loops"]) of_loops += each["stalls"].get<std::uint64_t>();
  CHECK(of_loops == counted);
}

void add_web_cases(const std::string& title, const std::string& tags,
                   void (*check)(const Python&, const std::string&, const std::string&)) {
  for (const auto& python : few_environments()) {
    for (const auto& [framework, loop] :
         {std::pair("aiohttp", "asyncio"), std::pair("fastapi", "asyncio"), std::pair("fastapi", "uvloop")}) {
      add_test_case(title + " " + framework + " on " + loop + ", Python " + python.title(), tags,
                    [&python, framework, loop, check] {
                      if (python.command.empty())
                        AIOTRACE_SKIP("an environment of Python " + python.version + ": " + python.origin);
                      const std::string modules = std::string(framework == std::string("fastapi") ? "fastapi, uvicorn"
                                                                                                  : "aiohttp") +
                                                  (loop == std::string("uvloop") ? ", uvloop" : "");
                      auto import = python.command;
                      import.insert(import.end(), {"-c", "import " + modules});
                      if (run(import).status != 0)
                        AIOTRACE_SKIP("the environment of Python " + python.version + " has not all of " + modules);
                      check(python, framework, loop);
                    });
    }
  }
}

AIOTRACE_TEST_CASES(leaks_web) { add_web_cases("leaks under load of", "[leaks][web]", check_leaks); }
AIOTRACE_TEST_CASES(stalls_web) { add_web_cases("the text of stalls of", "[stall-text][web]", check_stalls); }
AIOTRACE_TEST_CASES(tasks_web) { add_web_cases("tasks under load of", "[tasks][web]", check_tasks); }

}  // namespace
}  // namespace aiotrace::testing
