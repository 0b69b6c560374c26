#include "tests/support/daemon.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "tests/catch.h"
#include "tests/support/python.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kPatience{kPatienceMs};

bool has_labels(const std::string& series, const std::vector<std::string>& labels) {
  return std::ranges::all_of(labels, [&](const auto& label) { return series.find(label) != std::string::npos; });
}

}  // namespace

std::string unique_service() {
  static std::atomic<int> number = 0;
  return "serve-test-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
}

std::string label_of(const std::string& service) { return "service_name=\"" + service + "\""; }

std::vector<std::string> python_as(const std::string& service, const std::string& script) {
  std::vector<std::string> command{"/usr/bin/env", "OTEL_SERVICE_NAME=" + service};
  const auto& python = any_python().command;
  command.insert(command.end(), python.begin(), python.end());
  command.push_back(program(script));
  return command;
}

Connection::Connection(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
}

// The daemon may close before it has read everything.
void Connection::send(const std::string& bytes) const {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const auto n = ::send(fd_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return;
    sent += static_cast<std::size_t>(n);
  }
}

std::string Connection::rest() const {
  std::string all;
  while (true) {
    pollfd waiting{.fd = fd(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, kPatienceMs) <= 0) FAIL("the connection is not closed");
    char bytes[65536];
    const auto n = ::recv(fd(), bytes, sizeof bytes, 0);
    if (n <= 0) return all;
    all.append(bytes, static_cast<std::size_t>(n));
  }
}

Metrics::Metrics(const std::string& text) {
  for (const auto& line : lines_of(text)) {
    if (line.starts_with('#')) continue;
    const auto blank = line.rfind(' ');
    REQUIRE(blank != std::string::npos);
    CHECK(samples_.emplace(line.substr(0, blank), std::stod(line.substr(blank + 1))).second);
  }
}

std::vector<double> Metrics::found(const std::string& name, const std::vector<std::string>& labels) const {
  std::vector<double> values;
  for (const auto& [series, value] : samples_) {
    if ((series == name || series.starts_with(name + "{")) && has_labels(series, labels)) values.push_back(value);
  }
  return values;
}

double Metrics::sum(const std::string& name, const std::vector<std::string>& labels) const {
  double sum = 0;
  for (const auto value : found(name, labels)) sum += value;
  return sum;
}

std::size_t Metrics::count(const std::string& name, const std::vector<std::string>& labels) const {
  return found(name, labels).size();
}

Daemon::Daemon(std::vector<std::string> arguments) : err_(scratch_.create("err")) {
  std::vector<std::string> command{aiotrace_binary(), "serve"};
  if (std::ranges::find(arguments, "--listen") == arguments.end())
    command.insert(command.end(), {"--listen", "127.0.0.1:0"});
  command.insert(command.end(), arguments.begin(), arguments.end());
  process_ = std::make_unique<Process>(command, Streams{.in = -1, .out = err_.get(), .err = err_.get()});
  const std::string before = "serves http://127.0.0.1:";
  wait_message("/metrics");
  const auto said = err();
  const auto at = said.find(before);
  REQUIRE(at != std::string::npos);
  port_ = static_cast<std::uint16_t>(std::stoi(said.substr(at + before.size())));
}

void Daemon::wait_message(const std::string& part) const {
  const bool came = scratch_.wait_until(*process_, [&] { return err().find(part) != std::string::npos; });
  if (!came) FAIL("aiotrace ended before it said \"" << part << "\": " << err());
}

std::string Daemon::ask(const std::string& request) const {
  const Connection connection(port_);
  connection.send(request);
  return connection.rest();
}

std::string Daemon::get(const std::string& path) const {
  const auto answer = ask("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  INFO(answer.substr(0, 1000));
  REQUIRE(answer.starts_with("HTTP/1.1 200 "));
  const auto body = answer.find("\r\n\r\n");
  REQUIRE(body != std::string::npos);
  return answer.substr(body + 4);
}

Metrics Daemon::wait_metrics(const std::function<bool(const Metrics&)>& wanted) const {
  const auto end = Clock::now() + kPatience;
  while (true) {
    const auto text = get("/metrics");
    Metrics metrics(text);
    if (wanted(metrics)) return metrics;
    if (Clock::now() > end) FAIL("the metrics are not as expected: " << text);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // interval of the checks; the test waits for content
  }
}

}  // namespace aiotrace::testing
