// Answers GET requests, by libevent's evhttp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/daemon/event_loop.h"
#include "util/result.h"

struct bufferevent;
struct evconnlistener;
struct evhttp;
struct evhttp_request;

namespace aiotrace::app {

struct Reply {
  int status = 200;
  std::string type;
  std::string body;
};

/// GET only, without a body; a request has 8 KiB of headers at most; a connection serves one request, waits 5 s for
/// each next byte and lives for 10 s at most. Of 32 connections at a time, further ones wait. Nothing that a request
/// says gets further than its path and its Accept header.
class HttpListener {
 public:
  using Answer = std::function<Reply(std::string_view path, std::string_view accept)>;
  static constexpr std::size_t kMaxConnections = 32;

  /// `address`: "127.0.0.1:9877", "[::1]:9877", or the path of a unix socket, which starts with '/'. Errors (failure):
  /// in use, not there, no address. `loop` must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<HttpListener>> open(EventLoop& loop, const std::string& address);
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;
  ~HttpListener();

  /// Without it every request is answered with 503.
  void serve(Answer answer) { answer_ = std::move(answer); }
  /// As a client gives it: with the port that the kernel chose for port 0.
  [[nodiscard]] const std::string& url() const { return url_; }
  /// Connections that were closed because they took too long.
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  struct Connection {
    bufferevent* socket = nullptr;
    std::uint64_t end_ns = 0;  // when it is closed
    bool closed = false;
  };
  struct HttpFreer {
    void operator()(evhttp* http) const noexcept;
  };

  explicit HttpListener(EventLoop& loop);
  [[nodiscard]] static bufferevent* accept(event_base* base, void* self);
  static void take_request(evhttp_request* request, void* self);
  void reply(evhttp_request* request);
  void close_old();

  EventLoop& loop_;
  std::unique_ptr<evhttp, HttpFreer> http_;
  evconnlistener* listener_ = nullptr;  // http_ owns it
  Answer answer_;
  std::string url_;
  std::string socket_path_;  // to be removed
  std::vector<Connection> connections_;
  std::unique_ptr<EventLoop::Event> next_look_;
  std::uint64_t refused_ = 0;
};

}  // namespace aiotrace::app
