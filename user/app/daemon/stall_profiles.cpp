#include "app/daemon/stall_profiles.h"

#include <unistd.h>

#include <utility>

#include "model/profile.h"
#include "model/weighted_stacks.h"
#include "output/trace/pprof.h"
#include "util/clock.h"
#include "util/log.h"

namespace aiotrace::app {

namespace {

constexpr unsigned kMostAttempts = 5;

}  // namespace

StallProfiles::StallProfiles(EventLoop& loop, fleet::ProfilesConfig config, std::string host)
    : config_(std::move(config)),
      host_(std::move(host)),
      client_(loop, *config_.endpoint),
      budget_(config_.per_hour),
      next_try_(loop.timer([this] { send(); })),
      random_(std::random_device{}()) {}

std::string StallProfiles::stall(const proc::Service& service, const model::Stall& stall, std::uint64_t now_ns) {
  if (profile_ && profile_->pid() == stall.pid) return id_;
  if (profile_ || made_ || stall.duration_ns < config_.stall_ns || !budget_.take(now_ns)) return "";
  service_ = service;
  // Also behind a restart it is another one.
  id_ = std::to_string(::getpid()) + "-" + std::to_string(++number_);
  profile_ = std::make_unique<TopProfile>(stall.pid, config_.duration_ns);
  return id_;
}

std::optional<StallProfiles::Made> StallProfiles::make(const model::ProfileReport& report) const {
  const auto until_ns = static_cast<std::int64_t>(report.time_ns) + realtime_minus_monotonic_ns();
  const auto from_ns = until_ns - static_cast<std::int64_t>(report.elapsed_ns);
  model::WeightedStacks stacks("cpu", "samples", model::WeightedStacks::Unit::nanoseconds);
  model::add_profile(stacks, report.rows, model::ProfileBy::none, false);
  auto bytes = output::pprof(stacks, {.start_unix_ns = from_ns, .duration_ns = report.elapsed_ns});
  if (!bytes) {
    say(bytes.error().message());
    return std::nullopt;
  }
  const fleet::ProfileName name{
      .service = service_, .host = host_, .id = id_, .from_unix_ns = from_ns, .until_unix_ns = until_ns};
  return Made{.path = ingest_path(name), .body = std::move(*bytes)};
}

void StallProfiles::look() {
  if (!profile_ || profile_->goes_on()) return;
  const auto report = profile_->report();
  if (report) made_ = make(*report);
  if (!made_) {
    ++failed_;
    say("profile process " + std::to_string(profile_->pid()) + ": " + profile_->problem());
  }
  profile_.reset();
  attempts_ = 0;
  backoff_.reset();
  if (made_) send();
}

void StallProfiles::send() {
  ++attempts_;
  client_.post(made_->path, {{"Content-Type", "application/octet-stream"}}, made_->body,
               [this](const HttpAnswer& answer) { take(answer); });
}

void StallProfiles::take(const HttpAnswer& answer) {
  const auto outcome = fleet::outcome_of(answer.status);
  if (outcome == fleet::Outcome::later && attempts_ < kMostAttempts)
    return next_try_->after(backoff_.next_ns(std::uniform_real_distribution<>()(random_), answer.retry_ns));
  if (outcome == fleet::Outcome::later) ++no_answer_;
  if (outcome == fleet::Outcome::refused) ++refused_;
  if (outcome != fleet::Outcome::delivered)
    say("send a profile to " + config_.endpoint->url() + ": " +
        (answer.status == 0 ? "no answer" : "status " + std::to_string(answer.status)) + " (it is dropped)");
  made_.reset();
}

std::vector<fleet::Dropped> StallProfiles::dropped() const {
  return {{"pyroscope", "failed", failed_}, {"pyroscope", "refused", refused_}, {"pyroscope", "no-answer", no_answer_}};
}

}  // namespace aiotrace::app
