// A collector that the daemon sends to, and what a test asks of it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/support/daemon.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {

/// One of 127.0.0.1 that nobody else gets and nobody listens on; a program that reuses addresses can.
class Port {
 public:
  Port();
  [[nodiscard]] const std::string& number() const { return number_; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + number_; }

 private:
  UniqueFd fd_;
  std::string number_;
};

/// tests/programs/collector.py
class Collector {
 public:
  explicit Collector(const Port& port, std::vector<std::string> arguments = {});

  /// What it was sent. Fails the test if it could not read something.
  [[nodiscard]] std::vector<Json> records() const;
  /// Until there are records that are so; fails the test after kPatienceMs.
  std::vector<Json> wait(const std::function<bool(const std::vector<Json>&)>& wanted) const;

 private:
  Target target_;
};

/// A configuration file: what watches only this service, with more behind it.
class Settings {
 public:
  Settings(const std::string& service, const std::string& text);
  [[nodiscard]] std::string path() const { return scratch_.file("aiotrace.toml"); }

 private:
  Scratch scratch_;
};

/// Its part that sends there.
[[nodiscard]] std::string otlp(const Port& port, const std::string& more = "");

/// The stalls that were taken and have ended.
[[nodiscard]] std::vector<Json> ended_stalls(const std::vector<Json>& records);
[[nodiscard]] std::string id_of(const Json& event);
void check_ids_are_different(const std::vector<Json>& events);

inline const std::string kStalls = "asyncio_eventloop_stalls_total";
inline const std::string kDropped = "aiotrace_export_dropped_total";

[[nodiscard]] double stalls_of(const Metrics& metrics, const std::string& service);
/// By reason, of OTLP.
[[nodiscard]] double dropped(const Daemon& daemon, const std::string& reason);

}  // namespace aiotrace::testing
