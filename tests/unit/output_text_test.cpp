#include "output/text/run.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <set>

#include "output/text/losses.h"
#include "output/text/stall.h"
#include "tests/catch.h"
#include "tests/unit/output_samples.h"
#include "util/text.h"

using namespace aiotrace;
using output::stall_lines;
using output::summary_lines;

namespace {

// Local time is shown: the golden files are in UTC.
output::OutputContext utc_context() {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  return samples::context();
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

bool contains(const std::vector<std::string>& lines, const std::string& text) {
  return joined(lines).find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("a run as text", "[output]") {
  output::StringSink sink;
  output::TextOutput text(sink, utc_context());
  REQUIRE(text.watching(samples::watching()).has_value());
  REQUIRE(text.stall(samples::stall()).has_value());
  REQUIRE(text.finish(samples::summary()).has_value());
  samples::check_golden("run.txt", sink.text());
}

TEST_CASE("no line of the text is wider than the terminal", "[output]") {
  for (const std::size_t columns : {80, 100, 120, 200}) {
    auto context = utc_context();
    context.columns = columns;
    auto stall = samples::stall();
    stall.task->name = std::string(300, 'n');
    stall.thread = std::string(200, 't');
    std::get<model::SocketEnds>(*stall.segments[0].culprit).peer = std::string(300, 'p');
    stall.segments[0].stack->front().file = "/srv/" + std::string(300, 'f') + "/a.py";
    stall.segments[0].stack->front().function = std::string(300, 'g');
    auto summary = samples::summary();
    summary.places[0].function = std::string(300, 'n');
    summary.places[0].syscall = std::string(300, 's');
    summary.loops[0].thread = std::string(300, 't');
    auto lines = stall_lines(stall, context);
    const auto more = summary_lines(summary, context);
    lines.insert(lines.end(), more.begin(), more.end());
    for (const auto& line : lines) {
      INFO(line);
      CHECK(display_width(line) <= columns);
    }
  }
}

TEST_CASE("colour only where asked for, and the same text below it", "[output]") {
  auto context = utc_context();
  auto all = stall_lines(samples::stall(), context);
  const auto plain = joined(all) + joined(summary_lines(samples::summary(), context));
  CHECK(plain.find('\x1b') == std::string::npos);
  context.color = true;
  auto colored = joined(stall_lines(samples::stall(), context)) + joined(summary_lines(samples::summary(), context));
  CHECK(colored.find("\x1b[1;31mERROR\x1b[0m") != std::string::npos);
  for (auto at = colored.find('\x1b'); at != std::string::npos; at = colored.find('\x1b')) {
    colored.erase(at, colored.find('m', at) - at + 1);
  }
  CHECK(colored == plain);
}

TEST_CASE("the cost of BPF is shown as a share of the watched processes' CPU time, too", "[output]") {
  auto summary = samples::summary();
  summary.cost.targets_cpu_ns = 1'230 * samples::kMs;
  const auto text = joined(summary_lines(summary, samples::context()));
  CHECK_THAT(text,
             Catch::Matchers::ContainsSubstring("BPF 12.3 ms (<0.1 % of a CPU, 1.0 % of the processes' CPU time)"));
}

TEST_CASE("records without room are shown by process where several are watched", "[output]") {
  auto summary = samples::summary();
  summary.losses[static_cast<std::size_t>(model::Loss::ring_full)] = 12;
  summary.lost_by = {{.pid = summary.loops.front().pid, .records = 12}};
  CHECK(joined(summary_lines(summary, samples::context())).find("records without room") == std::string::npos);
  summary.lost_by = {{.pid = 77, .comm = "flood\x1b", .records = 12}};
  summary.loops.push_back(summary.loops.front());
  summary.loops.back().pid = 77;
  summary.loops.front().comm = "python3";
  summary.loops.back().comm = "flood";
  CHECK_THAT(joined(summary_lines(summary, samples::context())),
             Catch::Matchers::ContainsSubstring("of the records without room 12 of pid 77 flood"));
}

TEST_CASE("names in text are cleaned", "[output]") {
  auto stall = samples::stall();
  const std::string hostile = "\x1b[2J\n\u202e\u009b";
  stall.thread += hostile;
  stall.task->name = hostile;
  stall.task->coroutine = hostile;
  stall.segments[0].syscall = hostile;
  std::get<model::SocketEnds>(*stall.segments[0].culprit).peer = hostile;
  for (auto& frame : *stall.segments[0].stack) frame.function = frame.file = hostile;
  auto summary = samples::summary();
  summary.loops[0].thread = hostile;
  summary.places[0].function = summary.places[0].file = summary.places[0].syscall = hostile;
  auto watching = samples::watching();
  watching.targets[0].comm = hostile;
  watching.targets[0].python = hostile;
  const auto context = utc_context();
  for (const auto& lines :
       {stall_lines(stall, context), summary_lines(summary, context), output::watching_lines(watching, context)}) {
    for (const auto& line : lines) CHECK(clean_for_terminal(line) == line);
  }
}

TEST_CASE("a run without stalls", "[output]") {
  model::Summary summary;
  summary.elapsed_ns = 10'000 * samples::kMs;
  summary.warn_ns = 50 * samples::kMs;
  const auto lines = summary_lines(summary, utc_context());
  CHECK(lines.at(1) == "Watched for 10.0 s: no event loop was seen");
  CHECK_FALSE(contains(lines, "Lost"));
  CHECK(contains(lines, "BPF run time not measured; aiotrace itself not measured"));
}

TEST_CASE("advice is one line below its place, cleaned and fitted, and can be left out", "[output]") {
  auto summary = samples::summary();
  summary.places.resize(1);
  auto context = utc_context();
  const auto with = summary_lines(summary, context);
  CHECK(contains(with, "     → requests.get in fetch_sync: use httpx.AsyncClient or aiohttp"));
  context.advice = false;
  const auto without = summary_lines(summary, context);
  CHECK(without.size() + 1 == with.size());
  CHECK_FALSE(contains(without, "httpx"));
  context.advice = true;
  summary.places[0].advice = "\x1b[2J\n" + std::string(200, 'x');
  for (const auto& line : summary_lines(summary, context)) {
    CHECK(clean_for_terminal(line) == line);
    CHECK(display_width(line) <= 100);
  }
  context.columns = 60;
  for (const auto& line : summary_lines(summary, context)) {
    if (line.find("→") != std::string::npos) CHECK(display_width(line) <= 60);
  }
}

TEST_CASE("losses are said in words, only where there are some; -v has all by name", "[output]") {
  auto summary = samples::summary();
  summary.losses = {};
  auto context = utc_context();
  CHECK_FALSE(contains(summary_lines(summary, context), "Lost"));
  summary.losses[static_cast<std::size_t>(model::Loss::switch_unseen)] = 3;
  summary.losses[static_cast<std::size_t>(model::Loss::bad_record)] = 1;
  const auto lines = summary_lines(summary, context);
  CHECK(contains(lines, "\nLost: 3 waits are accurate to 1 ms only\n      1 record was not understood\n"));
  CHECK_FALSE(contains(lines, "switch-unseen"));
  context.verbose = true;
  const auto all = summary_lines(summary, context);
  CHECK(contains(all, "ring-full 0   threads-full 0"));
  CHECK(contains(all, "switch-unseen 3"));
}

TEST_CASE("every loss has a name of its own and words", "[output]") {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < model::kLosses; ++i) {
    const auto name = model::name(static_cast<model::Loss>(i));
    INFO(name);
    CHECK(names.insert(name).second);
    REQUIRE(model::loss_text(name) != nullptr);
    CHECK(output::loss_in_words(name, 1).starts_with("1 "));
    CHECK(output::loss_in_words(name, 2000).starts_with("2,000 "));
    CHECK(output::loss_in_words(name, 1).substr(2) == model::loss_text(name)->one);
    CHECK(output::loss_in_words(name, 2).substr(2) == model::loss_text(name)->many);
  }
  CHECK(output::loss_in_words("no-such-loss", 2) == "2 no-such-loss");
}

TEST_CASE("what is watched is said without a guess", "[output]") {
  auto watching = samples::watching();
  const auto lines = output::watching_lines(watching, utc_context());
  CHECK(contains(lines, "Watching pid 1234 python3 (Python 3.11.2, 1 loop)"));
  CHECK(contains(lines, "Watching pid 77 node (not Python; no event loop seen yet)"));
}
