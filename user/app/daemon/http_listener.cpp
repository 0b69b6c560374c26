#include "app/daemon/http_listener.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "util/clock.h"
#include "util/unique_fd.h"

namespace aiotrace::app {

namespace {

constexpr int kIdleSeconds = 5;
constexpr std::uint64_t kLifetimeNs = 10'000'000'000;
constexpr std::uint64_t kLookNs = 100'000'000;
constexpr ev_ssize_t kMaxHeaders = 8192;
constexpr int kBacklog = 64;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

bool is_path(const std::string& address) { return address.starts_with('/'); }

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty() ? std::optional(port) : std::nullopt;
}

Result<Address> address_of(const std::string& text) {
  Address address;
  if (is_path(text)) {
    auto& path = reinterpret_cast<sockaddr_un&>(address.storage);
    if (text.size() >= sizeof path.sun_path) return fail("listen on " + text, "the path is too long");
    path.sun_family = AF_UNIX;
    std::memcpy(path.sun_path, text.c_str(), text.size() + 1);
    address.size = sizeof(sockaddr_un);
    return address;
  }
  // evutil_parse_sockaddr_port takes no port 0, by which the kernel chooses one.
  const auto colon = text.rfind(':');
  const auto port = colon == std::string::npos ? std::nullopt : port_of(std::string_view(text).substr(colon + 1));
  const bool v6 = text.starts_with('[') && colon != std::string::npos && colon >= 2 && text[colon - 1] == ']';
  const auto host = v6 ? text.substr(1, colon - 2) : text.substr(0, colon);
  auto& v6_address = reinterpret_cast<sockaddr_in6&>(address.storage);
  auto& v4_address = reinterpret_cast<sockaddr_in&>(address.storage);
  const bool good = v6 ? ::inet_pton(AF_INET6, host.c_str(), &v6_address.sin6_addr) == 1
                       : ::inet_pton(AF_INET, host.c_str(), &v4_address.sin_addr) == 1;
  if (!port || !good)
    return fail("listen on " + text, "it is no address with a port", "give 127.0.0.1:9877, [::1]:9877 or /PATH",
                ErrorKind::usage);
  address.storage.ss_family = v6 ? AF_INET6 : AF_INET;
  (v6 ? v6_address.sin6_port : v4_address.sin_port) = htons(*port);
  address.size = v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  return address;
}

/// A socket that nobody listens on any more: its daemon was killed.
bool is_left_behind(Address& address) {
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return fd && ::connect(fd.get(), address.get(), address.size) != 0 && errno == ECONNREFUSED;
}

Result<UniqueFd> bound_socket(const std::string& text, Address& address) {
  const auto what = "listen on " + text;
  const int family = address.storage.ss_family;
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail_errno(what, errno);
  const int on = 1;
  if (family != AF_UNIX) (void)::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_UNIX && is_left_behind(address)) (void)::unlink(text.c_str());
  const auto before = ::umask(0177);  // a socket of a path is for root
  const bool bound = ::bind(fd.get(), address.get(), address.size) == 0;
  const int error = errno;
  (void)::umask(before);
  if (!bound)
    return fail_errno(what, error, error == EADDRINUSE ? "another program has it: give --listen another one" : "");
  return fd;
}

std::string url_of(const std::string& text, int fd) {
  Address address;
  address.size = sizeof address.storage;
  if (is_path(text) || ::getsockname(fd, address.get(), &address.size) != 0) return "unix:" + text;
  const bool v6 = address.storage.ss_family == AF_INET6;
  const auto port = v6 ? reinterpret_cast<sockaddr_in6&>(address.storage).sin6_port
                       : reinterpret_cast<sockaddr_in&>(address.storage).sin_port;
  return "http://" + text.substr(0, text.rfind(':') + 1) + std::to_string(ntohs(port));
}

std::string_view header(evhttp_request* request, const char* name) {
  const char* value = evhttp_find_header(evhttp_request_get_input_headers(request), name);
  return value != nullptr ? value : "";
}

void free_body(const void* /*data*/, std::size_t /*size*/, void* body) { delete static_cast<std::string*>(body); }

/// When it is done with a connection, evhttp takes its callbacks off.
bool is_done(bufferevent* socket) {
  bufferevent_event_cb call = nullptr;
  bufferevent_getcb(socket, nullptr, nullptr, &call, nullptr);
  return call == nullptr;
}

}  // namespace

void HttpListener::HttpFreer::operator()(evhttp* http) const noexcept { evhttp_free(http); }

HttpListener::HttpListener(EventLoop& loop) : loop_(loop), http_(evhttp_new(loop.base())) {
  next_look_ = loop.timer([this] { close_old(); });
}

HttpListener::~HttpListener() {
  http_.reset();
  for (const auto& each : connections_) bufferevent_decref(each.socket);
  if (!socket_path_.empty()) (void)::unlink(socket_path_.c_str());
}

Result<std::unique_ptr<HttpListener>> HttpListener::open(EventLoop& loop, const std::string& text) {
  auto address = address_of(text);
  if (!address) return std::unexpected(address.error());
  auto fd = bound_socket(text, *address);
  if (!fd) return std::unexpected(fd.error());
  std::unique_ptr<HttpListener> made(new HttpListener(loop));
  if (is_path(text)) made->socket_path_ = text;
  made->url_ = url_of(text, fd->get());
  auto* listener = made->http_ ? evconnlistener_new(loop.base(), nullptr, nullptr,
                                                    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, kBacklog, fd->get())
                               : nullptr;
  if (listener == nullptr) return fail_errno("listen on " + text, errno);
  (void)fd->release();
  made->listener_ = listener;
  auto* http = made->http_.get();
  if (evhttp_bind_listener(http, listener) == nullptr) return fail("listen on " + text, "libevent cannot be set up");
  evhttp_set_allowed_methods(http, EVHTTP_REQ_GET);
  evhttp_set_max_headers_size(http, kMaxHeaders);
  evhttp_set_max_body_size(http, 0);
  evhttp_set_timeout(http, kIdleSeconds);
  evhttp_set_bevcb(http, accept, made.get());
  evhttp_set_gencb(http, take_request, made.get());
  return made;
}

// evhttp 2.1 bounds neither the number of connections nor the life of one that sends a byte now and then. A reference
// of our own shows when it has let go of one, and keeps the descriptor from being another one's meanwhile.
bufferevent* HttpListener::accept(event_base* base, void* self) {
  auto& listener = *static_cast<HttpListener*>(self);
  auto* socket = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
  if (socket == nullptr) return nullptr;
  bufferevent_incref(socket);
  listener.connections_.push_back({.socket = socket, .end_ns = monotonic_ns() + kLifetimeNs});
  if (listener.connections_.size() >= kMaxConnections) evconnlistener_disable(listener.listener_);
  if (listener.connections_.size() == 1) listener.next_look_->after(kLookNs);
  return socket;
}

void HttpListener::close_old() {
  const auto now_ns = monotonic_ns();
  std::erase_if(connections_, [&](Connection& each) {
    if (is_done(each.socket)) {
      bufferevent_decref(each.socket);
      return true;
    }
    if (each.closed || now_ns < each.end_ns) return false;
    // evhttp sees its end, and lets go of it.
    (void)::shutdown(bufferevent_getfd(each.socket), SHUT_RDWR);
    each.closed = true;
    ++refused_;
    return false;
  });
  if (connections_.size() < kMaxConnections) evconnlistener_enable(listener_);
  if (!connections_.empty()) next_look_->after(kLookNs);
}

void HttpListener::take_request(evhttp_request* request, void* self) {
  auto& listener = *static_cast<HttpListener*>(self);
  listener.loop_.guarded([&] { listener.reply(request); });
}

void HttpListener::reply(evhttp_request* request) {
  const auto* uri = evhttp_request_get_evhttp_uri(request);
  const char* path = uri != nullptr ? evhttp_uri_get_path(uri) : nullptr;
  Reply answer{.status = 503, .type = "text/plain; charset=utf-8", .body = "not ready\n"};
  if (answer_) answer = answer_(path != nullptr ? path : "", header(request, "Accept"));
  auto* headers = evhttp_request_get_output_headers(request);
  evhttp_add_header(headers, "Content-Type", answer.type.c_str());
  evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
  evhttp_add_header(headers, "Connection", "close");
  // The buffer deletes it when it has been sent.
  auto* body = std::make_unique<std::string>(std::move(answer.body)).release();
  auto* buffer = evhttp_request_get_output_buffer(request);
  if (evbuffer_add_reference(buffer, body->data(), body->size(), free_body, body) != 0) free_body(nullptr, 0, body);
  evhttp_send_reply(request, answer.status, nullptr, nullptr);
}

}  // namespace aiotrace::app
