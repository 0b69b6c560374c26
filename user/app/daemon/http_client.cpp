#include "app/daemon/http_client.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/http_struct.h>

#include <exception>

#include "fleet/delivery.h"

namespace aiotrace::app {

namespace {

constexpr int kIdleSeconds = 5;
constexpr std::uint64_t kMostNs = 10'000'000'000;
constexpr ev_ssize_t kMaxHeaders = 8192;
constexpr ev_ssize_t kMaxBody = 65536;

std::string body_of(evhttp_request* request) {
  auto* buffer = evhttp_request_get_input_buffer(request);
  std::string body(evbuffer_get_length(buffer), '\0');
  if (evbuffer_copyout(buffer, body.data(), body.size()) < 0) body.clear();
  return body;
}

void free_body(const void* /*data*/, std::size_t /*size*/, void* body) { delete static_cast<std::string*>(body); }

}  // namespace

void HttpClient::ConnectionFreer::operator()(evhttp_connection* connection) const noexcept {
  evhttp_connection_free(connection);
}

HttpClient::HttpClient(EventLoop& loop, fleet::Endpoint endpoint)
    : loop_(loop),
      endpoint_(std::move(endpoint)),
      finished_(loop.timer([this] { finish(); })),
      too_long_(loop.timer([this] {
        answer_ = {};
        finish();
      })) {}

// What evhttp calls when the connection is freed leads nowhere.
HttpClient::~HttpClient() {
  take_ = nullptr;
  connection_.reset();
}

bool HttpClient::start(const std::string& path, const Headers& headers, std::string body) {
  connection_.reset(
      evhttp_connection_base_bufferevent_new(loop_.base(), nullptr, nullptr, endpoint_.host.c_str(), endpoint_.port));
  auto* connection = connection_.get();
  if (connection == nullptr) return false;
  evhttp_connection_set_timeout(connection, kIdleSeconds);
  evhttp_connection_set_max_headers_size(connection, kMaxHeaders);
  evhttp_connection_set_max_body_size(connection, kMaxBody);
  auto* request = evhttp_request_new(take_answer, this);
  if (request == nullptr) return false;
  auto* out = evhttp_request_get_output_headers(request);
  evhttp_add_header(out, "Host", endpoint_.authority().c_str());
  evhttp_add_header(out, "Connection", "close");
  for (const auto& [name, value] : headers) evhttp_add_header(out, name.c_str(), value.c_str());
  // The buffer deletes it when it has been sent.
  auto* kept = std::make_unique<std::string>(std::move(body)).release();
  auto* buffer = evhttp_request_get_output_buffer(request);
  if (evbuffer_add_reference(buffer, kept->data(), kept->size(), free_body, kept) != 0) free_body(nullptr, 0, kept);
  // The request is evhttp's from here on, also where this fails.
  return evhttp_make_request(connection, request, EVHTTP_REQ_POST, (endpoint_.path + path).c_str()) == 0;
}

void HttpClient::post(const std::string& path, const Headers& headers, std::string body, Take take) {
  answer_ = {};
  take_ = std::move(take);
  too_long_->after(kMostNs);
  if (!start(path, headers, std::move(body))) finished_->after(0);
}

// Null: the connection failed, or the answer was none.
void HttpClient::take_answer(evhttp_request* request, void* self) {
  auto& client = *static_cast<HttpClient*>(self);
  client.loop_.guarded([&] {
    client.answer_ = {};
    if (request != nullptr && evhttp_request_get_response_code(request) != 0) {
      client.answer_.status = evhttp_request_get_response_code(request);
      client.answer_.body = body_of(request);
      const char* retry = evhttp_find_header(evhttp_request_get_input_headers(request), "Retry-After");
      if (retry != nullptr) client.answer_.retry_ns = fleet::retry_after_ns(retry);
    }
    if (client.busy()) client.finished_->after(0);
  });
}

void HttpClient::finish() {
  auto answer = std::exchange(answer_, {});
  auto take = std::exchange(take_, nullptr);
  connection_.reset();  // which calls take_answer() once more if the request was under way
  finished_->cancel();
  too_long_->cancel();
  if (take) take(std::move(answer));
}

}  // namespace aiotrace::app
