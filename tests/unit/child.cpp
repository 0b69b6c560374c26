#include "child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sstream>

#include "tests/catch.h"

namespace aiotrace::testing {

Child::Child(const std::vector<std::string>& command) {
  int to[2];
  int from[2];
  if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(from, O_CLOEXEC) != 0) FAIL("no pipe");
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(to[0], 0);
    ::dup2(from[1], 1);
    ::execvp(words[0], words.data());
    ::_exit(127);
  }
  ::close(to[0]);
  ::close(from[1]);
  in_.reset(::fdopen(to[1], "w"));
  out_.reset(::fdopen(from[0], "r"));
  if (pid_ < 0) FAIL("no process");
}

Child::~Child() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::string Child::line() {
  std::string text;
  for (int c = std::fgetc(out_.get()); c != EOF && c != '\n'; c = std::fgetc(out_.get())) text += static_cast<char>(c);
  return text;
}

void Child::send_line() {
  std::fputc('\n', in_.get());
  std::fflush(in_.get());
}

void Child::kill_only() {
  ::kill(pid_, SIGKILL);
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
}

namespace {

std::vector<Python> listed(const char* command) {
  std::vector<Python> found;
  std::FILE* list = ::popen(command, "r");
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

}  // namespace

const std::vector<Python>& pythons() {
  static const std::vector<Python> all = listed("tools/pythons.py --list");
  return all;
}

std::vector<Python> older_pythons() {
  auto all = listed("tools/pythons.py --list --all");
  std::erase_if(all, [](const Python& python) {
    unsigned major = 0;
    unsigned minor = 0;
    std::sscanf(python.version.c_str(), "%u.%u", &major, &minor);
    return python.command.empty() || major > 3 || (major == 3 && minor >= 8);
  });
  return all;
}

}  // namespace aiotrace::testing
