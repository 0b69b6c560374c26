#include "tests/support/tracer.h"

#include <algorithm>
#include <cstdlib>

#include "tests/catch.h"
#include "tests/support/steal.h"

namespace aiotrace::testing {

namespace {

std::vector<std::string> joined(std::vector<std::string> first, const std::vector<std::string>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

std::vector<std::string> with(const Python& python, const std::string& script) {
  return joined(python.command, {program(script)});
}

bool has(const std::vector<std::string>& arguments, const std::string& wanted) {
  return std::ranges::find(arguments, wanted) != arguments.end();
}

}  // namespace

std::string aiotrace_binary() {
  const char* path = std::getenv("AIOTRACE_BINARY");
  return std::filesystem::absolute(path != nullptr ? path : "build/aiotrace").string();
}

std::string program(const std::string& name) {
  return (std::filesystem::current_path() / "tests/programs" / name).string();
}

Target::Target(const Python& python, const std::string& script, const std::vector<std::string>& arguments)
    : Target(with(python, script), arguments) {}

Target::Target(std::vector<std::string> command, const std::vector<std::string>& arguments)
    : ready_(scratch_.file("ready")), go_(scratch_.file("go")), input_(scratch_.file("input")) {
  count_steal();
  command = joined(std::move(command), {"--ready", scratch_.file("ready"), "--go", scratch_.file("go"), "--record",
                                        scratch_.file("record")});
  // Its messages go to the test's own output.
  process_ = std::make_unique<Process>(joined(std::move(command), arguments),
                                       Streams{.in = input_.fd(), .out = 2, .err = 2},
                                       std::map<std::string, std::string>{{"PYTHONWARNINGS", "ignore"}});
}

void Target::wait_ready() {
  const auto said = line();
  if (said != "ready " + std::to_string(pid())) FAIL("the target is not ready: \"" << said << "\"");
}

Tracer::Tracer(std::vector<std::string> arguments, const std::vector<std::string>& behind, int out)
    : out_(scratch_.create("out")), err_(scratch_.create("err")) {
  if (!has(arguments, "--json")) arguments = joined(arguments, {"--json", scratch_.file("json")});
  for (auto& argument : arguments) {
    if (argument == "FOLDED") argument = scratch_.file("folded");
    if (argument.starts_with("FILE:")) argument = scratch_.file(argument.substr(5));
  }
  auto command = joined({aiotrace_binary()}, arguments);
  process_ = std::make_unique<Process>(joined(std::move(command), behind),
                                       Streams{.in = -1, .out = out < 0 ? out_.get() : out, .err = err_.get()});
}

Json Tracer::wait_line(const std::function<bool(const Json&)>& wanted) {
  Json found;
  const bool came = scratch_.wait_until(*process_, [&] {
    for (auto& line : lines()) {
      if (!wanted(line)) continue;
      found = std::move(line);
      return true;
    }
    return false;
  });
  if (!came) FAIL("aiotrace ended (" << process_->wait() << ") before what is waited for: " << err());
  return found;
}

void Tracer::wait_watching() {
  (void)wait_line([](const Json& line) { return line["type"] == "watching"; });
}

void Tracer::wait_text(const std::string& part) {
  if (!scratch_.wait_until(*process_, [&] { return out().find(part) != std::string::npos; }))
    FAIL("aiotrace ended before it wrote \"" << part << "\": " << out() << err());
}

void Tracer::wait_message(const std::string& part) {
  if (!scratch_.wait_until(*process_, [&] { return err().find(part) != std::string::npos; }))
    FAIL("aiotrace ended before it said \"" << part << "\": " << err());
}

void Tracer::wait_file(const std::string& name) {
  if (!scratch_.wait_until(*process_, [&] { return !slurp(file(name)).empty(); }))
    FAIL("aiotrace ended before it wrote " << name << ": " << err());
}

Run trace(Target& target, std::vector<std::string> arguments) {
  target.wait_ready();
  Tracer tracer(joined({"-p", std::to_string(target.pid())}, arguments));
  tracer.wait_watching();
  target.go();
  target.process().wait();
  Run run;
  run.status = tracer.wait();
  run.records = target.records();
  run.lines = tracer.lines();
  run.out = tracer.out();
  run.err = tracer.err();
  run.folded = slurp(tracer.file("folded"));
  return run;
}

}  // namespace aiotrace::testing
