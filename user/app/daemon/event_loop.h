// libevent's loop: descriptors and times that one thread waits for.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>

#include "util/result.h"

struct event;
struct event_base;

namespace aiotrace::app {

class EventLoop {
 public:
  /// Something that the loop calls: a descriptor that is readable, or a time that has come.
  class Event {
   public:
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    ~Event();
    /// Calls once, so much later; a call that was still to come is replaced.
    void after(std::uint64_t ns);
    /// Nothing is called until after().
    void cancel();

   private:
    friend class EventLoop;
    Event(EventLoop& loop, std::function<void()> call);
    EventLoop& loop_;
    std::function<void()> call_;
    event* event_ = nullptr;
  };

  [[nodiscard]] static Result<EventLoop> create();
  EventLoop(EventLoop&&) noexcept;
  EventLoop& operator=(EventLoop&&) = delete;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  /// `call` is called whenever `fd` is readable, while what this gives lives. The loop must outlive that, and not move.
  [[nodiscard]] std::unique_ptr<Event> on_readable(int fd, std::function<void()> call);
  [[nodiscard]] std::unique_ptr<Event> timer(std::function<void()> call);

  /// Until stop().
  Status run();
  void stop();
  /// Calls `call`. Exceptions must not pass through libevent, which is C: one ends the loop, and run() throws it.
  void guarded(const std::function<void()>& call) noexcept;

  [[nodiscard]] event_base* base() const { return base_.get(); }

 private:
  struct BaseFreer {
    void operator()(event_base* base) const noexcept;
  };
  explicit EventLoop(event_base* base) : base_(base) {}

  std::unique_ptr<event_base, BaseFreer> base_;
  std::exception_ptr thrown_;
};

}  // namespace aiotrace::app
