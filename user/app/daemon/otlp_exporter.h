// Sends events and metrics to a collector, by OTLP over HTTP.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "app/daemon/event_loop.h"
#include "app/daemon/http_client.h"
#include "fleet/config.h"
#include "fleet/delivery.h"
#include "fleet/event_queue.h"
#include "fleet/metrics.h"
#include "fleet/otlp.h"

namespace aiotrace::app {

/// One request at a time. A collector that is not there costs what the queue may have at most; each event that is
/// dropped is counted. Events are sent again until they are answered: one whose answer is lost can arrive twice.
class OtlpExporter {
 public:
  /// Requests with all metrics as they are now.
  using Metrics = std::function<std::vector<std::string>()>;

  /// `config` has an endpoint; `loop` must outlive it. Begins with metrics one interval from now.
  OtlpExporter(EventLoop& loop, fleet::OtlpConfig config, fleet::Emitter emitter, Metrics metrics);

  void add(fleet::EncodedEvent event);
  /// The end: what waits is sent, with the last metrics, once each, within that time. The loop must not run, and runs
  /// meanwhile. How many events are left is reported.
  void flush(std::uint64_t most_ns);

  [[nodiscard]] std::vector<fleet::Dropped> dropped() const;

 private:
  enum class Sending : std::uint8_t { nothing, events, metrics };

  void next();
  void send_events();
  void send_metrics();
  void send(Sending what, const std::string& path, std::string body);
  void take(const HttpAnswer& answer);
  void delivered(const HttpAnswer& answer);
  void refused(const HttpAnswer& answer);
  void later(const HttpAnswer& answer);
  void settle();
  /// True once for each time that it fails: it is worth a message.
  [[nodiscard]] bool begins_to_fail() { return !std::exchange(said_.at(static_cast<std::size_t>(sending_)), true); }

  EventLoop& loop_;
  fleet::OtlpConfig config_;
  fleet::Emitter emitter_;
  Metrics metrics_;
  HttpClient client_;
  fleet::EventQueue queue_;
  std::deque<std::string> parts_;  // of metrics, to be sent; the first one is under way
  bool metrics_due_ = false;
  Sending sending_ = Sending::nothing;
  fleet::Backoff backoff_;
  bool waits_ = false;     // until a next attempt
  bool flushing_ = false;  // one attempt each
  Sending last_ = Sending::nothing;
  std::array<bool, 3> said_{};  // by what was sent: that it does not arrive
  std::unique_ptr<EventLoop::Event> next_try_;
  std::unique_ptr<EventLoop::Event> next_metrics_;
  std::minstd_rand random_;
  std::uint64_t refused_ = 0;  // events
  std::uint64_t rejected_ = 0;
  std::uint64_t refused_metrics_ = 0;   // requests
  std::uint64_t rejected_metrics_ = 0;  // points
};

}  // namespace aiotrace::app
