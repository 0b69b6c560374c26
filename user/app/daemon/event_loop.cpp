#include "app/daemon/event_loop.h"

#include <event2/event.h>

#include <cerrno>
#include <exception>
#include <utility>

namespace aiotrace::app {

namespace {

// What libevent has to say of its connections: any client can cause it, and statuses and counters say the same.
void take_log(int /*severity*/, const char* /*message*/) {}

timeval to_timeval(std::uint64_t ns) {
  constexpr std::uint64_t kNsPerS = 1'000'000'000;
  return {.tv_sec = static_cast<time_t>(ns / kNsPerS), .tv_usec = static_cast<suseconds_t>(ns % kNsPerS / 1000)};
}

}  // namespace

EventLoop::Event::Event(EventLoop& loop, std::function<void()> call) : loop_(loop), call_(std::move(call)) {}

EventLoop::Event::~Event() {
  if (event_ != nullptr) event_free(event_);
}

void EventLoop::Event::after(std::uint64_t ns) {
  const auto time = to_timeval(ns);
  event_add(event_, &time);
}

void EventLoop::Event::cancel() { event_del(event_); }

void EventLoop::BaseFreer::operator()(event_base* base) const noexcept { event_base_free(base); }

EventLoop::EventLoop(EventLoop&&) noexcept = default;
EventLoop::~EventLoop() = default;

Result<EventLoop> EventLoop::create() {
  event_set_log_callback(take_log);
  auto* base = event_base_new();
  if (base == nullptr) return fail("start", "libevent cannot be set up");
  return EventLoop(base);
}

void EventLoop::guarded(const std::function<void()>& call) noexcept {
  try {
    call();
  } catch (...) {
    thrown_ = std::current_exception();
    stop();
  }
}

std::unique_ptr<EventLoop::Event> EventLoop::on_readable(int fd, std::function<void()> call) {
  std::unique_ptr<Event> made(new Event(*this, std::move(call)));
  const auto take = [](evutil_socket_t, short, void* self) {
    auto* event = static_cast<Event*>(self);
    event->loop_.guarded(event->call_);
  };
  made->event_ = event_new(base(), fd, EV_READ | EV_PERSIST, take, made.get());
  event_add(made->event_, nullptr);
  return made;
}

std::unique_ptr<EventLoop::Event> EventLoop::timer(std::function<void()> call) {
  std::unique_ptr<Event> made(new Event(*this, std::move(call)));
  const auto take = [](evutil_socket_t, short, void* self) {
    auto* event = static_cast<Event*>(self);
    event->loop_.guarded(event->call_);
  };
  made->event_ = event_new(base(), -1, 0, take, made.get());
  return made;
}

Status EventLoop::run() {
  const int result = event_base_loop(base(), EVLOOP_NO_EXIT_ON_EMPTY);
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
  return result < 0 ? fail_errno("wait for events", errno) : Status();
}

void EventLoop::stop() { event_base_loopbreak(base()); }

}  // namespace aiotrace::app
