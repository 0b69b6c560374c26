#include "tests/support/python.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "tests/catch.h"

namespace aiotrace::testing {

namespace {

// Runs before any test case exists, so it does not use Process, which fails a test case.
std::vector<Python> listed(const std::string& arguments) {
  std::vector<Python> found;
  std::FILE* list = ::popen(("tools/pythons.py " + arguments).c_str(), "r");
  if (list == nullptr) return found;
  std::string text;
  char part[4096];
  for (std::size_t got = 0; (got = std::fread(part, 1, sizeof part, list)) > 0;) text.append(part, got);
  ::pclose(list);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    Python python;
    std::istringstream fields(line);
    std::string words;
    std::getline(fields, python.version, '\t');
    std::getline(fields, words, '\t');
    std::getline(fields, python.origin, '\t');
    std::istringstream each(words);
    for (std::string word; each >> word;) python.command.push_back(word);
    found.push_back(python);
  }
  return found;
}

/// This many of them (at least two), the first and the last included, at equal distances.
std::vector<Python> spread(const std::vector<Python>& sorted, std::size_t count) {
  if (sorted.size() <= count) return sorted;
  std::vector<Python> chosen;
  for (std::size_t i = 0; i < count; ++i) chosen.push_back(sorted[i * (sorted.size() - 1) / (count - 1)]);
  return chosen;
}

}  // namespace

int Python::minor() const {
  int major = 0;
  int minor = 0;
  std::sscanf(version.c_str(), "%d.%d", &major, &minor);
  return major == 3 ? minor : 0;
}

const std::vector<Python>& pythons() {
  static const std::vector<Python> all = listed("--list");
  return all;
}

std::vector<Python> older_pythons() {
  auto all = listed("--list --all");
  std::erase_if(all, [](const Python& python) { return python.command.empty() || python.minor() >= 8; });
  return all;
}

const std::vector<Python>& environments() {
  static const std::vector<Python> all = listed("--venvs");
  return all;
}

bool takes_all() {
  const char* value = std::getenv("AIOTRACE_TEST_ALL");
  return value != nullptr && std::string(value) == "1";
}

const std::vector<Python>& few_pythons() {
  static const std::vector<Python> few = [] {
    auto present = pythons();
    if (takes_all()) return present;
    std::erase_if(present, [](const Python& python) { return python.has_gil() && python.command.empty(); });
    const auto free_threaded = std::ranges::stable_partition(present, &Python::has_gil);
    const std::vector<Python> others(free_threaded.begin(), free_threaded.end());
    present.erase(free_threaded.begin(), free_threaded.end());
    auto chosen = spread(present, 3);
    if (!others.empty()) chosen.push_back(others.back());
    return chosen;
  }();
  return few;
}

const std::vector<Python>& few_environments() {
  static const std::vector<Python> few = takes_all() ? environments() : spread(environments(), 2);
  return few;
}

const Python& any_python() {
  const Python* best = nullptr;
  for (const auto& python : pythons()) {
    if (!python.command.empty() && !python.in_other_root() && python.has_gil()) best = &python;
  }
  if (best == nullptr) AIOTRACE_SKIP("no supported Python on this machine");
  return *best;
}

void add_for_pythons(const std::vector<Python>& pythons, const std::string& title, const std::string& tags,
                     void (*body)(const Python&)) {
  for (const auto& python : pythons) {
    add_test_case(title + " on Python " + python.title(), tags, [&python, body] {
      if (python.command.empty()) AIOTRACE_SKIP("Python " + python.version + ": " + python.origin);
      body(python);
    });
  }
}

}  // namespace aiotrace::testing
