// Sends POST requests, by libevent's evhttp: one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/daemon/event_loop.h"
#include "fleet/endpoint.h"

struct evhttp_connection;
struct evhttp_request;

namespace aiotrace::app {

struct HttpAnswer {
  int status = 0;                           ///< 0: there was none
  std::optional<std::uint64_t> retry_ns{};  ///< what Retry-After asks for
  std::string body{};
};

/// A connection for each request, which ends after 10 s at most. An answer has 8 KiB of headers and 64 KiB of body at
/// most; a larger one is none. Redirects are answers like others.
class HttpClient {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;
  using Take = std::function<void(HttpAnswer)>;

  /// `loop` must outlive it. Nothing is sent yet.
  HttpClient(EventLoop& loop, fleet::Endpoint endpoint);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  /// `path` is put behind that of the endpoint; `take` is called later, from the loop, once. Not while it is busy().
  void post(const std::string& path, const Headers& headers, std::string body, Take take);
  [[nodiscard]] bool busy() const { return take_ != nullptr; }
  [[nodiscard]] const fleet::Endpoint& endpoint() const { return endpoint_; }

 private:
  struct ConnectionFreer {
    void operator()(evhttp_connection* connection) const noexcept;
  };
  [[nodiscard]] bool start(const std::string& path, const Headers& headers, std::string body);
  static void take_answer(evhttp_request* request, void* self);
  void finish();

  EventLoop& loop_;
  fleet::Endpoint endpoint_;
  std::unique_ptr<evhttp_connection, ConnectionFreer> connection_;
  std::unique_ptr<EventLoop::Event> finished_;  // outside of evhttp's own calls a connection can be freed
  std::unique_ptr<EventLoop::Event> too_long_;
  HttpAnswer answer_;
  Take take_;
};

}  // namespace aiotrace::app
