#include "tests/support/tmux.h"

#include <poll.h>

#include <chrono>
#include <cstdlib>
#include <fstream>

#include "tests/catch.h"
#include "tests/support/process.h"

namespace aiotrace::testing {
namespace {

// There is no event for a change of the screen, so it is read this often.
constexpr int kBetweenLooksMs = 50;

}  // namespace

bool Tmux::is_there() { return std::system("command -v tmux >/dev/null") == 0; }

Tmux::Tmux(std::size_t columns, std::size_t rows, const std::string& command) {
  std::ofstream(scratch_.file("run")) << "trap : INT\n"  // only the program gets Ctrl-C
                                         "before=$(stty -g)\n"
                                         "sh -c 'echo $$ > "
                                      << scratch_.file("pid") << "; exec " << command
                                      << "'\n"
                                         "status=$?\n"
                                         "[ \"$(stty -g)\" = \"$before\" ] && echo restored || echo changed\n"
                                         "echo status $status\n"
                                         "exec cat\n";
  (void)tmux(
      {"new-session", "-d", "-x", std::to_string(columns), "-y", std::to_string(rows), "sh " + scratch_.file("run")});
}

Tmux::~Tmux() { (void)run({"tmux", "-S", scratch_.file("tmux"), "kill-server"}); }

std::string Tmux::tmux(std::vector<std::string> arguments) const {
  std::vector<std::string> command{"tmux", "-u", "-S", scratch_.file("tmux"), "-f", "/dev/null"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const auto outcome = run(command);
  if (outcome.status != 0) FAIL("tmux " << arguments.front() << ": " << outcome.err);
  return outcome.out;
}

void Tmux::send(const std::vector<std::string>& keys) const {
  std::vector<std::string> command{"send-keys"};
  command.insert(command.end(), keys.begin(), keys.end());
  (void)tmux(command);
}

void Tmux::resize(std::size_t columns, std::size_t rows) const {
  (void)tmux({"resize-window", "-x", std::to_string(columns), "-y", std::to_string(rows)});
}

std::string Tmux::screen() const { return tmux({"capture-pane", "-p"}); }

std::string Tmux::wait_for(const std::string& what,
                           const std::function<bool(const std::string& screen)>& wanted) const {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  for (auto now = screen();; now = screen()) {
    if (wanted(now)) return now;
    if (std::chrono::steady_clock::now() > end) FAIL("the screen never shows " << what << ":\n" << now);
    (void)::poll(nullptr, 0, kBetweenLooksMs);
  }
}

std::string Tmux::wait_for(const std::string& text) const {
  return wait_for("\"" + text + "\"", [&](const std::string& now) { return now.find(text) != std::string::npos; });
}

pid_t Tmux::pid() const { return static_cast<pid_t>(std::stol(slurp(scratch_.file("pid")))); }

}  // namespace aiotrace::testing
