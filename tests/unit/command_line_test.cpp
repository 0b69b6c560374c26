// Errors on the command line, and the one line that helps.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/cli/command_line.h"
#include "app/cli/help_page.h"
#include "app/cli/suggestion.h"
#include "app/commands/program.h"
#include "app/commands/table.h"
#include "app/commands/watch.h"
#include "tests/catch.h"
#include "util/text.h"

using namespace aiotrace;

namespace {

std::string refused(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "aiotrace");
  app::Program program;
  const auto status = program.parse(static_cast<int>(arguments.size()), arguments.data());
  REQUIRE_FALSE(status);
  CHECK(status.error().kind == ErrorKind::usage);
  return status.error().message();
}

std::string refused_profile(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "profile");
  return refused(std::move(arguments));
}

std::string refused_tasks(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "tasks");
  return refused(std::move(arguments));
}

}  // namespace

TEST_CASE("edit distance counts insertions, deletions, replacements and swaps", "[cli]") {
  CHECK(app::edit_distance("", "") == 0);
  CHECK(app::edit_distance("tasks", "tasks") == 0);
  CHECK(app::edit_distance("taks", "tasks") == 1);
  CHECK(app::edit_distance("taskss", "tasks") == 1);
  CHECK(app::edit_distance("tazks", "tasks") == 1);
  CHECK(app::edit_distance("tsaks", "tasks") == 1);
  CHECK(app::edit_distance("abc", "xyz") == 3);
  CHECK(app::edit_distance("", "abc") == 3);
  CHECK(app::edit_distance("ca", "abc") == 3);
}

TEST_CASE("only a near name is suggested", "[cli]") {
  const std::array<std::string, 3> names{"tasks", "leaks", "doctor"};
  CHECK(app::nearest("taks", names) == "tasks");
  CHECK(app::nearest("lekas", names) == "leaks");
  CHECK(app::nearest("docktor", names) == "doctor");
  CHECK_FALSE(app::nearest("python3", names));
  CHECK_FALSE(app::nearest("", names));
  CHECK_FALSE(app::nearest(std::string(10'000, 't'), names));
  CHECK(app::did_you_mean("taks", names) == "; did you mean 'tasks'?");
  CHECK(app::did_you_mean("python3", names).empty());
}

TEST_CASE("unknown commands and options get the near name", "[cli]") {
  CHECK(refused({"taks"}) == "unknown command 'taks'; did you mean 'tasks'?");
  CHECK(refused({"nonsense-word"}) == "unknown command 'nonsense-word' (see aiotrace --help)");
  CHECK(refused({"-p", "1", "--durration", "5s"}) == "unknown option '--durration'; did you mean '--duration'?");
  CHECK(refused({"-p", "1", "--durration=5s"}) == "unknown option '--durration'; did you mean '--duration'?");
  CHECK(refused({"-p", "1", "-z"}) == "unknown option '-z' (see aiotrace --help)");
  CHECK(refused_tasks({"-p", "1", "--tre"}) == "unknown option '--tre'; did you mean '--tree'?");
  CHECK(refused_profile({"-p", "1", "--mode", "wal"}) ==
        "--mode wal: must be cpu, off-cpu, wall or gil; did you mean 'wall'?");
}

TEST_CASE("a command without -- in front, an id without -p, a command behind options", "[cli]") {
  CHECK(refused({"sh", "short.sh"}) == "put -- before a command: aiotrace -- sh short.sh");
  CHECK(refused({"sh"}) == "put -- before a command: aiotrace -- sh");
  CHECK(refused({"-d", "5s", "sh", "-c", "true"}) == "put -- before a command: aiotrace -- sh -c true");
  CHECK(refused_profile({"sh", "short.sh"}) == "put -- before a command: aiotrace profile -- sh short.sh");
  CHECK(refused({"1234"}) == "unexpected argument '1234'; did you mean '-p 1234'?");
  CHECK(refused_tasks({"1234"}) == "unexpected argument '1234'; did you mean '-p 1234'?");
  CHECK(refused_tasks({"app"}) == "unexpected argument 'app' (see aiotrace tasks --help)");
  CHECK(refused({"-v", "tasks"}) == "unexpected argument 'tasks': a command comes first: aiotrace tasks …");
  CHECK(refused_tasks({"-p", "1", "--", "true"}) == "--: aiotrace tasks starts no command: give -p PID");
}

TEST_CASE("values that are missing, wrong or given twice", "[cli]") {
  CHECK(refused({"-p"}) == "-p needs a process id, e.g. -p 1234");
  CHECK(refused({"-p", ""}) == "-p needs a process id, e.g. -p 1234");
  CHECK(refused({"-p", "--json", "-"}) == "-p needs a process id, e.g. -p 1234");
  CHECK(refused({"-p", "1", "-d"}) == "-d needs a time, e.g. -d 30s");
  CHECK(refused({"-p", "1", "--duration"}) == "-d needs a time, e.g. -d 30s");
  CHECK(refused({"-p", "1", "--warn"}) == "--warn needs a time, e.g. --warn 50ms");
  CHECK(refused({"-p", "1", "--folded"}) == "--folded needs a file, e.g. --folded out.folded");
  CHECK(refused({"-p", "1", "-d", "1"}) == "-d 1: add a unit, e.g. 1s, 500ms");
  CHECK(refused({"-p", "1", "-d", "1x"}) == "-d 1x: unknown unit, use ms, s, m or h, e.g. 500ms");
  CHECK(refused({"-p", "1", "-d", "soon"}) == "-d soon: not a time, write a number and a unit, e.g. 500ms, 30s");
  CHECK(refused({"-p", "1", "-d", "1s", "--duration", "2s"}) == "-d is given twice");
  CHECK(refused_profile({"-p", "1", "--top", "many"}) == "--top many: must be a whole number, 0 or more");
  CHECK(refused_profile({"-p", "1", "-F", "0"}) == "-F 0: must be a number from 1 to 10000");
  CHECK(refused_profile({"-p", "1", "-F", "nan"}) == "-F nan: must be a number from 1 to 10000");
  CHECK(refused_profile({"-p", "1", "--by"}) == "--by needs one of none, thread, task or coroutine, e.g. --by none");
}

TEST_CASE("what to watch is given once", "[cli]") {
  CHECK(refused({"--comm", "python3", "-p", "1"}) == "--comm selects among all processes: drop -p");
  CHECK(refused({"--cgroup", "/a", "--", "sh"}) == "--cgroup selects among all processes: drop -- and the command");
  CHECK(refused_profile({"--comm", "python3", "-p", "1"}) == "--comm selects among all processes: drop -p");
  CHECK(refused({"--comm", "a-name-of-more-than-15"}) ==
        "--comm a-name-of-more-than-15: the kernel keeps 15 characters of a name: a-name-of-more-");
  CHECK(refused({"awaits", "-p", "1,2"}) == "-p 1,2: give one process: aiotrace awaits looks at one at a time");
}

TEST_CASE("a duration that can be left out", "[cli]") {
  const auto watch_ns = [](std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "aiotrace");
    app::CommandLine line("aiotrace");
    std::optional<std::uint64_t> into;
    bool quiet = false;
    line.add_optional_duration("--watch", into, 10'000'000'000, "scan again");
    line.add_flag("-q,--quiet", quiet, "no text");
    REQUIRE(line.parse(static_cast<int>(arguments.size()), arguments.data()));
    return into;
  };
  CHECK(watch_ns({"--watch"}) == 10'000'000'000);
  CHECK(watch_ns({"--watch=5s"}) == 5'000'000'000);
  CHECK(watch_ns({"--watch", "5s"}) == 5'000'000'000);
  CHECK(watch_ns({"--watch", "-q"}) == 10'000'000'000);
  CHECK(watch_ns({}) == std::nullopt);
  CHECK(refused({"leaks", "-p", "1", "-d", "3s"}) == "-d: needs --watch: one scan has no duration");
}

TEST_CASE("several processes: with commas, again, and as the words of pgrep", "[cli]") {
  const std::array<const char*, 7> arguments{"aiotrace", "-p", "1,2", "3", "-p", "4", "-q"};
  app::Program program;
  REQUIRE(program.parse(arguments.size(), arguments.data()));
  const auto& options = dynamic_cast<app::Watch&>(program.command()).options();
  CHECK(options.targets.pids == std::vector<std::int32_t>{1, 2, 3, 4});
  CHECK(options.quiet);
}

TEST_CASE("a word that is a command's name is one only in the first place", "[cli]") {
  const std::array<const char*, 3> report{"aiotrace", "report", "leaks"};
  app::Program program;
  CHECK(program.parse(report.size(), report.data()));
  const std::array<const char*, 3> help{"aiotrace", "help", "help"};
  app::Program other;
  CHECK(other.parse(help.size(), help.data()));
  CHECK(refused({"-p", "1", "tasks"}) == "unexpected argument 'tasks': a command comes first: aiotrace tasks …");
}

TEST_CASE("a page of help is of what was asked for", "[cli]") {
  const auto page = [](std::vector<const char*> arguments) {
    app::CommandLine line("aiotrace");
    line.set_help({.about = "the program", .usage = {""}});
    auto& help = line.add_command("help", "the options of a command");
    help.set_help({.about = "the command", .usage = {"help"}});
    arguments.insert(arguments.begin(), "aiotrace");
    REQUIRE(line.parse(static_cast<int>(arguments.size()), arguments.data()));
    return line.message().value_or(*line.chosen().page_of(""));
  };
  CHECK(page({"help"}).starts_with("the program"));  // after it was parsed as a command
  CHECK(page({"--help"}).starts_with("the program"));
  CHECK(page({"--help", "help"}).starts_with("the program"));
  CHECK(page({"help", "--help"}).starts_with("the command"));
}

TEST_CASE("the table of commands names each once", "[cli]") {
  std::vector<std::string_view> names;
  for (const auto& row : app::command_table()) {
    CHECK(row.make() != nullptr);
    CHECK(row.need.name == row.name);
    names.push_back(row.name);
  }
  CHECK(names == std::vector<std::string_view>{"tasks", "hang", "leaks", "awaits", "profile", "top", "serve", "report",
                                               "doctor", "help"});
}

TEST_CASE("text is filled into columns by what a terminal shows", "[cli]") {
  CHECK(app::filled("one two three", 0, 7) == "one two\nthree");
  CHECK(app::filled("one two three", 4, 11) == "one two\n    three");
  CHECK(app::filled("µµµ µµµ", 0, 7) == "µµµ µµµ");
  CHECK(app::filled("averylongword b", 0, 5) == "averylongword\nb");
  CHECK(app::filled("", 2, 10).empty());
}

TEST_CASE("a page of help has 80 columns, one usage block, defaults and possible values", "[cli]") {
  const std::array<const char*, 2> arguments{"aiotrace", "--help"};
  app::Program program;
  REQUIRE(program.parse(2, arguments.data()));
  const auto& page = program.message();
  REQUIRE(page);
  std::size_t usages = 0;
  std::string_view rest = *page;
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    INFO(line);
    CHECK(display_width(line) <= 80);
    usages += line.starts_with("Usage:");
  }
  CHECK(usages == 1);
  CHECK(page->find("[default: 50ms]") != std::string::npos);
  CHECK(page->find("auto, fentry, tracepoint, uprobe]") != std::string::npos);
  CHECK(page->find("-V, --version") != std::string::npos);
}
