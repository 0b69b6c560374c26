// `aiotrace serve` as a test runs it, and a client that reads its metrics.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/scratch.h"
#include "util/unique_fd.h"

namespace aiotrace::testing {

/// A connection to 127.0.0.1. Fails the test if there is none.
class Connection {
 public:
  explicit Connection(std::uint16_t port);
  void send(const std::string& bytes) const;
  /// All data until the other side closes; fails the test after kPatienceMs.
  [[nodiscard]] std::string rest() const;
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

/// The samples of a text: series -> value.
class Metrics {
 public:
  explicit Metrics(const std::string& text);
  /// The sum of the series of this name whose labels contain all of `labels`, as text: `le="0.1"`.
  [[nodiscard]] double sum(const std::string& name, const std::vector<std::string>& labels) const;
  [[nodiscard]] std::size_t count(const std::string& name, const std::vector<std::string>& labels) const;

 private:
  [[nodiscard]] std::vector<double> found(const std::string& name, const std::vector<std::string>& labels) const;
  std::map<std::string, double> samples_;
};

/// No other program of the machine has this name.
[[nodiscard]] std::string unique_service();
/// service_name="…"
[[nodiscard]] std::string label_of(const std::string& service);
/// tests/programs/SCRIPT on any Python, as this service.
[[nodiscard]] std::vector<std::string> python_as(const std::string& service, const std::string& script);

class Daemon {
 public:
  /// `aiotrace serve ARGUMENTS`, on a free port unless they name one. Returns when it serves.
  explicit Daemon(std::vector<std::string> arguments = {});

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// The answer to this request, with its head.
  [[nodiscard]] std::string ask(const std::string& request) const;
  /// The body of GET PATH. Fails the test if the status is not 200.
  [[nodiscard]] std::string get(const std::string& path) const;
  [[nodiscard]] Metrics metrics() const { return Metrics(get("/metrics")); }
  /// Scrapes until the condition is true; fails the test after kPatienceMs.
  Metrics wait_metrics(const std::function<bool(const Metrics&)>& wanted) const;
  void wait_message(const std::string& part) const;

  [[nodiscard]] Process& process() { return *process_; }
  [[nodiscard]] std::string err() const { return slurp(scratch_.file("err")); }

 private:
  Scratch scratch_;
  UniqueFd err_;
  std::unique_ptr<Process> process_;
  std::uint16_t port_ = 0;
};

}  // namespace aiotrace::testing
