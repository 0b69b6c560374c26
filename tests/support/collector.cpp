#include "tests/support/collector.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "tests/catch.h"
#include "tests/support/python.h"

namespace aiotrace::testing {

namespace {

std::vector<std::string> command() {
  auto made = any_python().command;
  made.push_back(program("collector.py"));
  return made;
}

std::vector<std::string> with_port(std::vector<std::string> arguments, const Port& port) {
  arguments.insert(arguments.end(), {"--port", port.number()});
  return arguments;
}

}  // namespace

Port::Port() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const int on = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(::setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
  REQUIRE(::bind(fd_.get(), raw, size) == 0);
  REQUIRE(::getsockname(fd_.get(), raw, &size) == 0);
  number_ = std::to_string(ntohs(address.sin_port));
}

Collector::Collector(const Port& port, std::vector<std::string> arguments)
    : target_(command(), with_port(std::move(arguments), port)) {
  target_.wait_ready();
}

std::vector<Json> Collector::records() const {
  auto all = target_.records();
  for (const auto& each : all) CHECK_FALSE(each.contains("error"));
  return all;
}

std::vector<Json> Collector::wait(const std::function<bool(const std::vector<Json>&)>& wanted) const {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  while (true) {
    auto all = records();
    if (wanted(all)) return all;
    if (std::chrono::steady_clock::now() > end) FAIL("the collector got " << Json(all).dump(1).substr(0, 20'000));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // between two looks; what is waited for is content
  }
}

Settings::Settings(const std::string& service, const std::string& text) {
  std::ofstream(path()) << "[allow]\nservice = [\"" << service << "\"]\n" << text;
  std::filesystem::permissions(path(), std::filesystem::perms(0644));
}

std::string otlp(const Port& port, const std::string& more) {
  return "[otlp]\nendpoint = \"" + port.url() + "\"\n" + more;
}

std::vector<Json> ended_stalls(const std::vector<Json>& records) {
  std::vector<Json> found;
  for (const auto& each : records) {
    if (each.value("event", "") != "asyncio.eventloop.stall" || each["status"] != 200) continue;
    if (!each["attributes"]["asyncio.eventloop.stall.ongoing"].get<bool>()) found.push_back(each);
  }
  return found;
}

std::string id_of(const Json& event) { return event["attributes"]["asyncio.eventloop.stall.id"]; }

void check_ids_are_different(const std::vector<Json>& events) {
  std::set<std::string> ids;
  for (const auto& each : events) CHECK(ids.insert(id_of(each)).second);
}

double stalls_of(const Metrics& metrics, const std::string& service) {
  return metrics.sum(kStalls, {label_of(service)});
}

double dropped(const Daemon& daemon, const std::string& reason) {
  return daemon.metrics().sum(kDropped, {"exporter=\"otlp\"", "reason=\"" + reason + "\""});
}

}  // namespace aiotrace::testing
