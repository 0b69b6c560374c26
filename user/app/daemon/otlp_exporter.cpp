#include "app/daemon/otlp_exporter.h"

#include <utility>

#include "output/trace/gzip.h"
#include "util/log.h"
#include "util/text.h"

namespace aiotrace::app {

namespace {

// Of a request, before gzip: what is made in one turn of the loop takes some ms.
constexpr std::size_t kBatchBytes = 256'000;

std::string clean(const std::string& text) { return clean_for_terminal(valid_utf8(text)); }

}  // namespace

OtlpExporter::OtlpExporter(EventLoop& loop, fleet::OtlpConfig config, fleet::Emitter emitter, Metrics metrics)
    : loop_(loop),
      config_(std::move(config)),
      emitter_(std::move(emitter)),
      metrics_(std::move(metrics)),
      client_(loop, *config_.endpoint),
      queue_(fleet::EventQueue::Limits{}),
      next_try_(loop.timer([this] {
        waits_ = false;
        next();
      })),
      next_metrics_(loop.timer([this] {
        next_metrics_->after(config_.interval_ns);
        metrics_due_ = true;
        next();
      })),
      random_(std::random_device{}()) {
  next_metrics_->after(config_.interval_ns);
}

void OtlpExporter::add(fleet::EncodedEvent event) {
  queue_.add(std::move(event));
  next();
}

// Taking turns: where one of the two paths fails, the other goes on.
void OtlpExporter::next() {
  if (sending_ != Sending::nothing || waits_) return;
  const bool has_metrics = metrics_due_ || !parts_.empty();
  if (!queue_.empty() && (last_ != Sending::events || !has_metrics)) return send_events();
  if (metrics_due_ && parts_.empty()) {
    metrics_due_ = false;
    for (auto& part : metrics_()) parts_.push_back(std::move(part));
  }
  if (!parts_.empty()) return send_metrics();
  if (flushing_) loop_.stop();
}

void OtlpExporter::send_events() { send(Sending::events, "/v1/logs", otlp_logs(queue_.take(kBatchBytes), emitter_)); }

void OtlpExporter::send_metrics() { send(Sending::metrics, "/v1/metrics", parts_.front()); }

void OtlpExporter::send(Sending what, const std::string& path, std::string body) {
  sending_ = last_ = what;
  HttpClient::Headers headers{{"Content-Type", "application/x-protobuf"},
                              {"User-Agent", "aiotrace/" + emitter_.version}};
  // Streams of VictoriaLogs: by default each process would be one.
  if (what == Sending::events) headers.emplace_back("VL-Stream-Fields", "service.name,host.name");
  if (config_.gzip) {
    if (auto smaller = output::gzip(body)) {
      body = std::move(*smaller);
      headers.emplace_back("Content-Encoding", "gzip");
    }
  }
  client_.post(path, headers, std::move(body), [this](const HttpAnswer& answer) { take(answer); });
}

void OtlpExporter::take(const HttpAnswer& answer) {
  switch (fleet::outcome_of(answer.status)) {
    case fleet::Outcome::delivered: delivered(answer); break;
    case fleet::Outcome::refused: refused(answer); break;
    case fleet::Outcome::later: later(answer); break;
  }
  sending_ = Sending::nothing;
  next();
}

// What was sent is done with.
void OtlpExporter::settle() {
  if (sending_ == Sending::events)
    queue_.settled();
  else
    parts_.pop_front();
}

void OtlpExporter::delivered(const HttpAnswer& answer) {
  const auto said = fleet::otlp_answer(answer.body).value_or(fleet::OtlpAnswer{});
  (sending_ == Sending::events ? rejected_ : rejected_metrics_) += said.rejected;
  if (said.rejected != 0)
    say("the collector rejects " + std::to_string(said.rejected) + " of what it was sent: " + clean(said.message));
  if (std::exchange(said_.at(static_cast<std::size_t>(sending_)), false))
    say("the collector takes what it is sent again");
  backoff_.reset();
  settle();
}

void OtlpExporter::refused(const HttpAnswer& answer) {
  if (sending_ == Sending::events)
    refused_ += queue_.taken();
  else
    ++refused_metrics_;
  if (begins_to_fail())
    say("send to " + config_.endpoint->url() + ": refused with status " + std::to_string(answer.status) +
        " (what it refuses is dropped, see aiotrace_export_dropped_total)");
  settle();
}

void OtlpExporter::later(const HttpAnswer& answer) {
  if (sending_ == Sending::events) queue_.put_back();
  // Later ones have all that these have, and must not be followed by older ones.
  if (sending_ == Sending::metrics) {
    parts_.clear();
    metrics_due_ = !flushing_;
  }
  waits_ = true;
  if (flushing_) return loop_.stop();
  const auto pause_ns = backoff_.next_ns(std::uniform_real_distribution<>()(random_), answer.retry_ns);
  next_try_->after(pause_ns);
  if (!begins_to_fail()) return;
  say("send to " + config_.endpoint->url() + ": " +
      (answer.status == 0 ? "no answer" : "status " + std::to_string(answer.status)) +
      " (tried again from now on; up to 1,000 events wait)");
}

void OtlpExporter::flush(std::uint64_t most_ns) {
  flushing_ = true;
  waits_ = false;
  metrics_due_ = true;
  next_try_->cancel();
  next_metrics_->cancel();
  const auto end = loop_.timer([this] { loop_.stop(); });
  end->after(most_ns);
  const auto begin = loop_.timer([this] { next(); });
  begin->after(0);
  if (auto status = loop_.run(); !status) say(status.error().message());
  if (queue_.events() != 0)
    say(std::to_string(queue_.events()) + " events were not delivered to " + config_.endpoint->url());
}

std::vector<fleet::Dropped> OtlpExporter::dropped() const {
  return {{"otlp", "queue-full", queue_.dropped()},
          {"otlp", "refused", refused_},
          {"otlp", "rejected", rejected_},
          {"otlp", "metrics-refused", refused_metrics_},
          {"otlp", "metrics-rejected", rejected_metrics_}};
}

}  // namespace aiotrace::app
