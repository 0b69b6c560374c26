#include "model/advice.h"

#include <algorithm>
#include <chrono>

#include "advice_examples.gen.h"
#include "model/cause.h"
#include "model/statistics.h"
#include "tests/catch.h"

using namespace aiotrace::model;

namespace {

constexpr std::string_view kStandard = "/usr/lib/python3.11/";
constexpr std::string_view kPackages = "/v/lib/python3.11/site-packages/";

Frame python(std::string function, std::string file) {
  return {Frame::Kind::python, std::move(function), std::move(file), 7};
}
Frame own(std::string function = "fetch_sync") { return python(std::move(function), "app/handlers.py"); }
Frame library(std::string_view module, std::string function, std::string_view below = kPackages) {
  return python(std::move(function), std::string(below) + std::string(module) + ".py");
}

Segment segment(Cause cause, Stack stack) {
  Segment made;
  made.cause = cause;
  made.ns = 1;
  made.stack = std::move(stack);
  return made;
}

Segment segment_of(const AdviceExample& example) {
  Stack stack;
  for (const auto& [module, function] : example.frames)
    stack.push_back(library(module, std::string(function), kStandard));
  stack.push_back(own());
  auto made = segment(example.cause, stack);
  made.syscall = example.syscall;
  // As the classifier sets it: a blocked segment's library is known from native frames.
  const auto text = [](std::string_view of) { return std::string(of); };
  switch (example.cause) {
    case Cause::native:
      made.culprit = NativeFunction{.library = text(example.library), .function = text(example.native)};
      break;
    case Cause::gil:
      made.culprit = GilHolder{.tid = 0, .thread = {}, .stack = std::move(stack)};
      made.stack.reset();
      break;
    case Cause::file: made.culprit = FileUse{.path = text(example.path), .op = text(example.op)}; break;
    case Cause::fault: made.culprit = MappedFile{.path = text(example.path)}; break;
    case Cause::network:
      made.culprit = SocketEnds{.protocol = {}, .local = {}, .peer = text(example.peer), .dns = example.dns};
      break;
    case Cause::throttled: made.culprit = CpuQuota{.cgroup = text(example.cgroup)}; break;
    default: break;
  }
  if (example.cause != Cause::native && !example.library.empty())
    made.stack->insert(made.stack->begin(),
                       {Frame::Kind::native, std::string(example.native), std::string(example.library), 0});
  return made;
}

bool is_plain(std::string_view text) {
  return !text.empty() && text.size() <= kAdviceColumns &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

const AdviceRule& own_rule(Cause cause, LoopKind loop) { return find_advice(segment(cause, {}), loop); }

bool has_conditions(const AdviceRule& rule) {
  return rule.dns ||
         !(rule.syscall.empty() && rule.module.empty() && rule.function.empty() && rule.library.empty() &&
           rule.native.empty() && rule.path.empty() && rule.op.empty() && rule.peer.empty() && rule.cgroup.empty());
}

}  // namespace

TEST_CASE("every rule of the table wins at its examples", "[model]") {
  for (const auto& example : kAdviceExamples) {
    const auto loop = example.other_loop ? LoopKind::other : LoopKind::asyncio;
    const auto made = segment_of(example);
    INFO("advice.table:" << example.line);
    CHECK(find_advice(made, loop).line == example.rule_line);
    CHECK(is_plain(advise(made, loop)));
  }
  for (const auto& rule : advice_rules()) {
    INFO("advice.table:" << rule.line);
    CHECK(std::any_of(kAdviceExamples.begin(), kAdviceExamples.end(),
                      [&rule](const auto& example) { return example.rule_line == rule.line; }));
    CHECK(is_plain(rule.advice));
  }
}

TEST_CASE("without a match there is the cause's own line", "[model]") {
  for (std::size_t i = 0; i < kCauses; ++i) {
    const auto cause = static_cast<Cause>(i);
    INFO(name(cause));
    if (!has_advice(cause)) continue;
    for (const auto loop : {LoopKind::asyncio, LoopKind::uvloop, LoopKind::other}) {
      const auto& rule = own_rule(cause, loop);
      CHECK((rule.causes & cause_bit(cause)) != 0);
      CHECK_FALSE(has_conditions(rule));
      auto unknown = segment(cause, {library("nobody_knows/it", "f"), own()});
      // In the kernel, a system call and no system call are two cases, with one line each.
      if (cause != Cause::kernel) unknown.syscall = "nosuchcall";
      unknown.culprit = FileUse{.path = "/nowhere", .op = {}};
      if (cause == Cause::native) unknown.culprit = NativeFunction{.library = "libnobody.so.1", .function = {}};
      CHECK(find_advice(unknown, loop).line == rule.line);
      unknown.stack.reset();
      unknown.culprit.reset();
      const bool guess = cause == Cause::python && loop != LoopKind::other;
      CHECK(advise(unknown, loop) == (guess ? "" : rule.advice));
    }
    CHECK(own_rule(cause, LoopKind::asyncio).line == own_rule(cause, LoopKind::uvloop).line);
    CHECK(own_rule(cause, LoopKind::other).advice.find("asyncio") == std::string_view::npos);
  }
}

TEST_CASE("of what nobody saw there is no advice", "[model]") {
  for (const auto loop : {LoopKind::asyncio, LoopKind::other})
    CHECK(advise(segment(Cause::unknown, {library("requests/api", "get"), own()}), loop).empty());
  auto somewhere = segment(Cause::python, {own()});
  CHECK_FALSE(advise(somewhere, LoopKind::asyncio).empty());
  somewhere.stack.reset();
  CHECK(advise(somewhere, LoopKind::asyncio).empty());
}

TEST_CASE("what the program itself called wins, and is named with its caller", "[model]") {
  auto made = segment(Cause::network,
                      {library("socket", "SocketIO.readinto", kStandard),
                       library("http/client", "HTTPResponse.begin", kStandard),
                       library("urllib3/connectionpool", "HTTPConnectionPool.urlopen"),
                       library("requests/sessions", "Session.send"), library("requests/api", "get"), own(),
                       own("handle_request"), library("asyncio/events", "Handle._run", kStandard)});
  made.syscall = "recvfrom";
  CHECK(advise(made, LoopKind::asyncio) == "requests.get: use httpx.AsyncClient or aiohttp, or asyncio.to_thread");
  // The same, called by the place itself, which the summary shows anyway.
  made.stack = Stack{library("subprocess", "Popen._try_wait", kStandard), library("subprocess", "run", kStandard),
                     own()};
  made.cause = Cause::process;
  CHECK(advise(made, LoopKind::asyncio) == "subprocess.run: use await asyncio.create_subprocess_exec(...)");
  // A constructor is shown as its class; before Python 3.11 its class is not known.
  made.stack = Stack{library("subprocess", "Popen.__init__", kStandard), own()};
  CHECK(advise(made, LoopKind::asyncio).starts_with("subprocess.Popen: "));
  made.stack = Stack{library("subprocess", "__init__", kStandard), own()};
  CHECK(advise(made, LoopKind::asyncio).starts_with("subprocess: "));
  // If the text is too long, parts are left out from the outside.
  made.stack = Stack{library("requests/api", "get"), own(std::string(60, 'f'))};
  made.cause = Cause::network;
  CHECK(advise(made, LoopKind::asyncio).starts_with("requests.get: use "));
}

TEST_CASE("frames beyond the program's own function say nothing", "[model]") {
  // json.loads calls a hook of the program, which sleeps: this is not caused by json.
  const auto hook = segment(Cause::python, {own("hook"), library("json/decoder", "raw_decode", kStandard), own()});
  CHECK(&find_advice(hook, LoopKind::asyncio) == &own_rule(Cause::python, LoopKind::asyncio));
  // In a program that is itself installed below site-packages, only the loop ends the search.
  const auto installed = segment(Cause::network, {library("requests/api", "get"), library("myapp/views", "fetch"),
                                                  library("asyncio/events", "Handle._run", kStandard),
                                                  library("boto3/session", "client")});
  CHECK(advise(installed, LoopKind::uvloop).starts_with("requests.get: use httpx"));
  // A folder of the program with the name of a library is not that library.
  const auto folder = segment(Cause::network, {python("get", "/srv/app/redis/client.py")});
  CHECK(&find_advice(folder, LoopKind::asyncio) == &own_rule(Cause::network, LoopKind::asyncio));
  // Generated functions belong to no library.
  const auto generated = segment(Cause::python,
                                 {python("__init__", "<string>"), library("copy", "deepcopy", kStandard), own()});
  CHECK(advise(generated, LoopKind::asyncio).starts_with("copy.deepcopy: "));
  // The advice must not replace functions that asyncio itself starts by asyncio.
  const auto spawned = segment(Cause::process,
                               {library("subprocess", "Popen._execute_child", kStandard),
                                library("asyncio/unix_events", "_UnixSubprocessTransport._start", kStandard),
                                library("asyncio/events", "Handle._run", kStandard)});
  CHECK(find_advice(spawned, LoopKind::asyncio).advice.find("create_subprocess") == std::string_view::npos);
}

TEST_CASE("for the GIL the frames of its holder count", "[model]") {
  auto made = segment(Cause::gil, {library("json/decoder", "raw_decode", kStandard), own()});
  made.culprit = GilHolder{.stack = {library("re/__init__", "match", kStandard), own("crunch")}};
  CHECK(advise(made, LoopKind::asyncio) ==
        "re.match in crunch: mend the pattern, or match in a process: re keeps the GIL to the end");
  made.culprit = GilHolder{.stack = {own("spin")}};
  CHECK(advise(made, LoopKind::asyncio) == "in spin: " + std::string(own_rule(Cause::gil, LoopKind::asyncio).advice));
  made.culprit.reset();
  CHECK(advise(made, LoopKind::asyncio) == own_rule(Cause::gil, LoopKind::asyncio).advice);
}

TEST_CASE("patterns", "[model]") {
  CHECK(matches_any("recvfrom", "recvfrom"));
  CHECK_FALSE(matches_any("recvfrom", "recvfromx"));
  CHECK_FALSE(matches_any("recvfrom", "recvfro"));
  CHECK(matches_any("*-journal,*-wal", "/srv/a.db-wal"));
  CHECK_FALSE(matches_any("*-journal,*-wal", "/srv/a.db-wal2"));
  CHECK(matches_any("lib?.so.*", "libz.so.1"));
  CHECK(matches_any("*a*b*", "xxaxxbxx"));
  CHECK_FALSE(matches_any("*a*b*", "xxbxxaxx"));
  CHECK(matches_any("*:53", "10.0.0.1:53"));
  CHECK_FALSE(matches_any("", "a"));
  CHECK_FALSE(matches_any("*", ""));
  CHECK(matches_any("*", std::string(512, 'a')));
  CHECK_FALSE(matches_any("*", std::string(513, 'a')));
}

TEST_CASE("hostile names give one plain line, in bounded time", "[model]") {
  const std::vector<std::string> names{
      "\x1b[2J",  "a\nb",      "\xff\xfe", std::string(1, '\0'),      "f.<locals>.g",       "\u202eevil", ".", "..",
      "__init__", ".__init__", "",         std::string(100'000, '*'), std::string(512, 'a')};
  for (const auto& name : names) {
    for (const auto cause : {Cause::python, Cause::network, Cause::native, Cause::file, Cause::gil, Cause::throttled}) {
      Segment made = segment(cause, {});
      made.syscall = name;
      for (int i = 0; i < 1'000; ++i) made.stack->push_back(library("requests/" + name, name));
      made.stack->push_back(library("requests/api", name));
      made.stack->push_back(own(name));
      if (cause == Cause::native) made.culprit = NativeFunction{.library = name, .function = name};
      if (cause == Cause::gil) made.culprit = GilHolder{.stack = *made.stack};
      if (cause == Cause::file) made.culprit = FileUse{.path = name, .op = name};
      if (cause == Cause::network) made.culprit = SocketEnds{.peer = name};
      if (cause == Cause::throttled) made.culprit = CpuQuota{.cgroup = name};
      const auto begin = std::chrono::steady_clock::now();
      CHECK(is_plain(advise(made, LoopKind::asyncio)));
      // A thousand times the normal time: this detects a walk or a pattern without an end.
      CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
    }
  }
}

TEST_CASE("a place has the advice of its longest segment", "[model]") {
  Stall stall;
  auto brief = segment(Cause::network, {own()});
  brief.syscall = "recvfrom";
  auto database = brief;
  database.ns = 5;
  database.culprit = SocketEnds{.peer = "10.0.0.5:5432"};
  stall.segments = {brief, database, brief};
  stall.loop_kind = LoopKind::asyncio;
  Statistics statistics;
  statistics.add(stall);
  auto places = statistics.places();
  REQUIRE(places.size() == 1);
  CHECK(places[0].advice == "PostgreSQL: use asyncpg or psycopg.AsyncConnection");
  stall.segments[0].ns = 6;
  statistics.add(stall);
  CHECK(statistics.places().at(0).advice == "use an async client, or asyncio.to_thread");
  places = statistics.places(0);
  REQUIRE(places.size() == 1);
  CHECK(places[0].others);
  CHECK(places[0].advice.empty());
}
