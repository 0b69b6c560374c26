// The daemon's configuration and its selection of processes: every error has its line, hostile text is refused.
#include <string>
#include <vector>

#include "fleet/config.h"
#include "tests/catch.h"
#include "util/glob.h"

using namespace aiotrace;
using fleet::Config;
using fleet::parse_config;
using fleet::parse_size;

namespace {

struct Mistake {
  std::uint32_t line;
  std::string part;
};

void check_mistakes(const std::string& text, const std::vector<Mistake>& mistakes) {
  CAPTURE(text);
  const auto parsed = parse_config(text);
  REQUIRE_FALSE(parsed);
  REQUIRE(parsed.error().size() == mistakes.size());
  for (std::size_t i = 0; i < mistakes.size(); ++i) {
    CHECK(parsed.error()[i].line == mistakes[i].line);
    CHECK(parsed.error()[i].message.find(mistakes[i].part) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("fleet: a configuration with everything in it, and one with nothing", "[fleet]") {
  const auto config = parse_config(R"(# all
listen = "[::1]:9000"
other_loops = true
[stalls]
warn = "20ms"
error = "1s"
[recorder]
directory = "/var/lib/x"
max_size = "64MiB"
max_age = "2h"
[allow]
command = ["python3*", "gunicorn"]
service = ["shop"]
unit = ["web-?.service"]
container = ["3f*"]
cgroup = ["/kubepods.slice"]
[deny]
command = ["*-test"]
)");
  REQUIRE(config);
  CHECK(config->listen == "[::1]:9000");
  CHECK(config->other_loops == true);
  CHECK(config->warn_ns == 20'000'000);
  CHECK(config->error_ns == 1'000'000'000);
  CHECK(config->recorder.directory == "/var/lib/x");
  CHECK(config->recorder.max_bytes == 64u << 20);
  CHECK(config->recorder.max_age_ns == 7'200'000'000'000);
  CHECK(config->selection.allow.command == std::vector<std::string>{"python3*", "gunicorn"});
  CHECK(config->selection.deny.command == std::vector<std::string>{"*-test"});
  CHECK(parse_config("") == Config{});
}

TEST_CASE("fleet: every mistake of a configuration, with its line", "[fleet]") {
  check_mistakes("listen = 5\n\nlisen = \"x\"\n[stalls]\nwarn = \"50\"\n[allow]\ncommand = \"x\"\npid = [1]\n",
                 {{1, "listen needs a text"},
                  {3, "there is no setting lisen"},
                  {5, "warn needs a time"},
                  {7, "command needs a list"},
                  {8, "there is no setting pid in [allow]"}});
  check_mistakes("[stalls]\nwarn = \"1s\"\nerror = \"50ms\"\n", {{1, "error must not be less"}});
  check_mistakes("[recorder]\ndirectory = \"state\"\nmax_size = \"1kB\"\n", {{2, "path from /"}, {3, "16MB at least"}});
  check_mistakes("other_loops = \"yes\"\n", {{1, "true or false"}});
  check_mistakes("deny = [\"x\"]\n", {{1, "deny is a table"}});
  check_mistakes("[allow]\nunit = [\"a\", 5, \"\"]\n", {{2, "texts"}, {2, "texts"}});
  check_mistakes("a = 1\na = 2\n", {{2, ""}});
  check_mistakes("\n\n[allow\n", {{3, ""}});
  check_mistakes("listen = \"\xff\"\n", {{1, ""}});
  check_mistakes(std::string(fleet::kMaxConfig + 1, '#'), {{1, "1 MiB"}});
  CHECK_FALSE(parse_config("x = " + std::string(100'000, '[')));
  CHECK_FALSE(parse_config("x = " + std::string(100'000, '{')));
  CHECK_FALSE(parse_config(std::string(1000, '\0')));
}

TEST_CASE("fleet: what can only change at a restart", "[fleet]") {
  const auto before = parse_config("listen = \"127.0.0.1:1\"\n[allow]\ncommand = [\"a\"]\n").value();
  CHECK(fixed_differences(before, before).empty());
  auto after = before;
  after.selection.allow.command = {"b"};
  CHECK(fixed_differences(before, after).empty());
  after.warn_ns = 5;
  after.recorder.directory = "/x";
  CHECK(fixed_differences(before, after) == std::vector<std::string>{"stalls.warn", "recorder"});
}

TEST_CASE("fleet: sizes", "[fleet]") {
  CHECK(parse_size("256MB") == 256'000'000);
  CHECK(parse_size("1.5 GB") == 1'500'000'000);
  CHECK(parse_size("1KiB") == 1024);
  for (const auto* wrong : {"", "5", "-1MB", "MB", "1mb", "nanMB", "infMB", "1e3MB", "99999999999TB", "1MB "})
    CHECK_FALSE(parse_size(wrong));
}

TEST_CASE("fleet: patterns", "[fleet]") {
  CHECK(glob_matches("python3*", "python3.11"));
  CHECK(glob_matches("*", ""));
  CHECK(glob_matches("a*b*c", "a-b-b-c"));
  CHECK(glob_matches("web-?", "web-1"));
  CHECK_FALSE(glob_matches("web-?", "web-"));
  CHECK_FALSE(glob_matches("python3", "python3.11"));
  CHECK_FALSE(glob_matches("", "x"));
  CHECK_FALSE(glob_matches("a*b", "a-c"));
  // Not exponential.
  std::string stars;
  for (int i = 0; i < 1000; ++i) stars += "*a";
  CHECK_FALSE(glob_matches(stars + "b", std::string(10'000, 'a')));
}

TEST_CASE("fleet: who is selected: a denial wins, an empty list allows all", "[fleet]") {
  const proc::Service web{
      .name = "web", .source = proc::ServiceSource::unit, .container_id = "3f2a", .unit = "web.service"};
  const auto selects = [&](const std::string& text) {
    return parse_config(text).value().selection.selects(web, "python3", "/system.slice/web.service");
  };
  CHECK(selects(""));
  CHECK(selects("[allow]\ncommand = [\"x\", \"python*\"]\n"));
  CHECK(selects("[allow]\ncommand = [\"x\"]\nservice = [\"web\"]\n"));
  CHECK(selects("[allow]\ncontainer = [\"3f*\"]\n"));
  CHECK(selects("[allow]\ncgroup = [\"/system.slice\"]\n"));
  CHECK(selects("[allow]\ncgroup = [\"/system.slice/web.service\"]\n"));
  CHECK_FALSE(selects("[allow]\ncgroup = [\"/system\"]\n"));
  CHECK_FALSE(selects("[allow]\nunit = [\"web\"]\n"));
  CHECK_FALSE(selects("[deny]\nunit = [\"web.*\"]\n"));
  CHECK_FALSE(selects("[allow]\nservice = [\"web\"]\n[deny]\ncommand = [\"python3\"]\n"));
  // Unknown values match nothing.
  CHECK_FALSE(parse_config("[deny]\ncontainer = [\"*\"]\n").value().selection.deny.match({}, "", ""));
}

TEST_CASE("a control group without a slash in front is compared once", "[fleet]") {
  fleet::Processes processes;
  processes.cgroup = {"/system.slice"};
  CHECK_FALSE(processes.match({}, "python3", "no-slash"));
  CHECK(processes.match({}, "python3", "/system.slice/web.service/worker"));
}

TEST_CASE("fleet: what violates assertions of toml++ is a mistake like others", "[fleet]") {
  for (const auto* text : {"[!]", "[|", "[a.|]", "[[!]]"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_config(text));
  }
  check_mistakes("listen = \"a\"\n\u00e9 = 1\n", {{2, "'?'"}});
  check_mistakes("listen = \"\\\"\u00e9\" \u00e9\n", {{1, "'?'"}});
  const auto good = parse_config(
      "\ufeff# \u00e9\nlisten = '\u00e9'\n[allow]\nservice = [\"\"\"\u00e9\n\u00e9\"\"\", \"\\\"\u00e9\"]\n");
  REQUIRE(good);
  CHECK(good->selection.allow.service.size() == 2);
}

TEST_CASE("fleet: where to send to, what to look at, when to profile", "[fleet]") {
  const auto config = parse_config(R"([otlp]
endpoint = "http://[::1]:4318/x"
interval = "15s"
gzip = false
[looks]
hangs = true
leaks = true
processes = 7
[profiles]
endpoint = "http://127.0.0.1:4040"
stall = "2s"
duration = "5s"
per_hour = 3
)");
  REQUIRE(config);
  CHECK(config->otlp == fleet::OtlpConfig{.endpoint = fleet::Endpoint{.host = "::1", .port = 4318, .path = "/x"},
                                          .interval_ns = 15'000'000'000,
                                          .gzip = false});
  CHECK(config->looks == fleet::LooksConfig{.hangs = true, .leaks = true, .processes = 7});
  CHECK(config->profiles == fleet::ProfilesConfig{.endpoint = fleet::Endpoint{.host = "127.0.0.1", .port = 4040},
                                                  .stall_ns = 2'000'000'000,
                                                  .duration_ns = 5'000'000'000,
                                                  .per_hour = 3});
  CHECK(fleet::fixed_differences({}, *config) == std::vector<std::string>{"otlp", "looks", "profiles"});
  const auto none = parse_config("");
  REQUIRE(none);
  CHECK_FALSE(none->otlp.endpoint);
  CHECK_FALSE(none->profiles.endpoint);
  CHECK_FALSE((none->looks.hangs || none->looks.leaks));
  check_mistakes("[otlp]\nendpoint = \"https://x\"\ninterval = \"1ms\"\ngzip = 1\ntls = true\n",
                 {{2, "https"}, {3, "from 1s to 10m"}, {4, "true or false"}, {5, "no setting tls in [otlp]"}});
  check_mistakes("[looks]\nprocesses = 0\nhangs = \"yes\"\n", {{2, "from 1 to 200"}, {3, "true or false"}});
  check_mistakes("[profiles]\nendpoint = 4040\nduration = \"1h\"\nper_hour = 1000\n",
                 {{2, "needs a URL"}, {3, "from 1s to 60s"}, {4, "from 1 to 60"}});
}
