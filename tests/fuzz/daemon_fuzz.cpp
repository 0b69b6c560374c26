// The daemon: requests to its listener, its configuration, answers of who it sends to, and names of programs on their
// way into labels and events.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <protozero/pbf_message.hpp>

#include "app/daemon/event_loop.h"
#include "app/daemon/http_listener.h"
#include "fleet/config.h"
#include "fleet/delivery.h"
#include "fleet/exposition.h"
#include "fleet/ingest.h"
#include "fleet/otlp.h"
#include "tests/fuzz/target.h"
#include "util/text.h"
#include "util/unique_fd.h"

namespace aiotrace::fuzz {
namespace {

// ---- configuration

void check_endpoint(const std::optional<fleet::Endpoint>& endpoint) {
  if (!endpoint) return;
  require(fleet::parse_endpoint(endpoint->url()) == *endpoint, "an endpoint's URL is an endpoint");
  require(endpoint->url().find_first_of(" \r\n") == std::string::npos, "an endpoint fits into a request's head");
}

void fuzz_config(Bytes bytes) {
  const auto text = text_of(bytes);
  const auto config = fleet::parse_config(text);
  if (!config) {
    require(!config.error().empty(), "a configuration that is refused has a mistake");
    const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n'));
    for (const auto& each : config.error()) require(each.line <= lines + 2, "a mistake has its line");
    return;
  }
  check_endpoint(config->otlp.endpoint);
  check_endpoint(config->profiles.endpoint);
  require(fleet::fixed_differences(*config, *config).empty(), "a configuration is equal to itself");
  use(config->selection.selects({.name = std::string(text)}, text, text));
}

std::vector<std::string> config_seeds() {
  return {R"(listen = "127.0.0.1:9877"
other_loops = true
[stalls]
warn = "50ms"
error = "1.5s"
[allow]
command = ["python3*", "g?nicorn"]
cgroup = ["/kubepods.slice"]
[deny]
service = ["x"]
unit = ["*.service"]
container = ["3f*"]
[recorder]
directory = "/var/lib/aiotrace"
max_size = "64MiB"
max_age = "24h"
)",
          R"([otlp]
endpoint = "http://[::1]:4318/x"
interval = "30s"
gzip = true
[looks]
hangs = true
leaks = false
processes = 20
[profiles]
endpoint = "http://127.0.0.1:4040"
stall = "1s"
duration = "10s"
per_hour = 6
)"};
}

const Registration config({.name = "config", .run = fuzz_config, .seeds = config_seeds});

// ---- names

/// Whether it can be read as a message, and where `texts`, what cannot is UTF-8: without a schema all that can be one
/// is taken for one.
bool check_message(std::string_view bytes, bool texts, int depth = 0) {
  try {
    protozero::pbf_reader reader(bytes.data(), bytes.size());
    while (reader.next()) reader.skip();
  } catch (const protozero::exception&) {
    return false;
  }
  protozero::pbf_reader reader(bytes.data(), bytes.size());
  while (depth < 8 && reader.next()) {
    if (reader.wire_type() != protozero::pbf_wire_type::length_delimited) {
      reader.skip();
      continue;
    }
    const auto part = reader.get_view();
    const std::string_view text(part.data(), part.size());
    // Not the other way round: a text can look like a message whose parts end inside of a character.
    const bool good = valid_utf8(text) == text || check_message(text, texts, depth + 1);
    require(good || !texts, "what is sent as text is UTF-8");
  }
  return true;
}

void check_line(std::string_view line) {
  const auto brace = line.find('{');
  bool quoted = false;
  for (std::size_t i = brace; i < line.size(); ++i) {
    if (quoted && line[i] == '\\')
      ++i;
    else if (line[i] == '"')
      quoted = !quoted;
    else if (!quoted && line[i] == '}')
      return require(i + 1 < line.size() && line[i + 1] == ' ', "a value stands behind the labels");
  }
  require(brace == std::string_view::npos, "labels end on their line");
}

fleet::Registry registry_with(const proc::Service& service) {
  fleet::Registry registry;
  model::Stall stall;
  stall.duration_ns = stall.cause_ns[0] = 1;
  registry.add(service, stall);
  return registry;
}

void check_text(const fleet::Registry& registry, const std::string& version) {
  fleet::SelfMetrics self;
  self.version = self.kernel = version;
  const auto text = fleet::exposition(registry, self, fleet::TextFormat::openmetrics, 0);
  for (std::string_view rest = text; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (!line.starts_with('#')) check_line(line);
  }
  for (const auto& part : fleet::otlp_metrics(registry, self, {}, {}, 1000))
    require(check_message(part, false), "metrics are protobuf");
}

void fuzz_names(Bytes bytes) {
  Input input(bytes);
  const std::string cgroup(text_of(input.take(input.number(2))));
  const std::string environment(text_of(input.take(input.number(2))));
  const std::string name(text_of(input.rest()));
  const auto service = proc::make_service(cgroup, environment, name);
  check_text(registry_with(service), name);
  const fleet::Event event{.name = "asyncio.eventloop.stall",
                           .body = name,
                           .attributes = {{"code.stacktrace", environment}, {"thread.name", name}, {"x", true}}};
  const auto encoded = fleet::encode(event, service, 7, {.host = name, .version = "1"});
  require(encoded.bytes() <= 16'384, "an event is bounded");
  require(check_message(fleet::otlp_logs({encoded, encoded}, {}), true), "events are protobuf");
  const auto path = fleet::ingest_path({.service = service, .host = name, .id = "1"});
  require(std::ranges::all_of(path, [](char c) { return c > ' ' && c < '\x7f'; }), "a path needs no escapes");
}

std::string lengths(std::string_view first, std::string_view second, std::string_view rest) {
  std::string all;
  for (const auto part : {first, second}) {
    all += static_cast<char>(part.size() & 0xff);
    all += static_cast<char>(part.size() >> 8);
    all += part;
  }
  return all.append(rest);
}

std::vector<std::string> name_seeds() {
  return {lengths("0::/system.slice/web.service\n", {"OTEL_SERVICE_NAME=shop\0X=1\0", 27}, "python3"),
          lengths("0::/kubepods.slice/kubepods-pod1_2.slice/cri-containerd-" + std::string(64, 'a') + ".scope\n",
                  "OTEL_RESOURCE_ATTRIBUTES=service.name=a%22b%0A,service.namespace=n", "x\"\\\n")};
}

const Registration names({.name = "names", .run = fuzz_names, .seeds = name_seeds});

// ---- answers

void fuzz_answers(Bytes bytes) {
  Input input(bytes);
  const auto header = text_of(input.take(input.number(1)));
  const auto body = text_of(input.rest());
  if (const auto wait_ns = fleet::retry_after_ns(header))
    require(*wait_ns <= fleet::Backoff::kMostAskedNs, "nobody makes us wait for longer");
  if (const auto answer = fleet::otlp_answer(body)) {
    require(answer->message.size() <= fleet::kMaxAttribute, "a message is bounded");
    require(valid_utf8(answer->message) == answer->message, "a message is UTF-8");
  }
  if (const auto endpoint = fleet::parse_endpoint(body)) check_endpoint(*endpoint);
}

std::vector<std::string> answer_seeds() {
  const std::string_view partial(
      "\x02"
      "30\x0a\x06\x08\x03\x12\x02no",
      11);
  const std::string_view endpoint("\x03x10http://[::1]:4318/a");
  return {std::string(partial), std::string(endpoint)};
}

const Registration answers({.name = "answers", .run = fuzz_answers, .seeds = answer_seeds});

// ---- requests

std::string socket_path() { return "/tmp/aiotrace-fuzz-" + std::to_string(::getpid()); }

UniqueFd connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  require(fd && ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0,
          "a listener to talk to");
  return fd;
}

/// What it answers, until it closes.
std::string exchange(app::EventLoop& loop, std::string_view request) {
  const auto fd = connect_to(socket_path());
  (void)::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
  (void)::shutdown(fd.get(), SHUT_WR);
  std::string all;
  const auto readable = loop.on_readable(fd.get(), [&] {
    char bytes[4096];
    const auto got = ::recv(fd.get(), bytes, sizeof bytes, 0);
    if (got > 0)
      all.append(bytes, static_cast<std::size_t>(got));
    else
      loop.stop();
  });
  require(loop.run().has_value(), "the loop runs");
  return all;
}

void fuzz_requests(Bytes bytes) {
  auto loop = app::EventLoop::create();
  require(loop.has_value(), "a loop");
  const auto listener = app::HttpListener::open(*loop, socket_path());
  require(listener.has_value(), "a listener");
  std::size_t served = 0;
  (*listener)->serve([&served](std::string_view path, std::string_view accept) {
    ++served;
    require(path.size() <= 16'384 && accept.size() <= 16'384, "a head is bounded");
    return app::Reply{.status = path == "/metrics" ? 200 : 404,
                      .type = std::string(fleet::content_type(fleet::format_for(accept))),
                      .body = "x"};
  });
  const auto request = text_of(bytes);
  const auto answer = exchange(*loop, request);
  require(served <= 1, "a connection serves one request");
  require(answer.empty() || answer.starts_with("HTTP/"), "an answer is HTTP");
  require(answer.find(" 200 OK\r\n") == std::string::npos || request.find("GET") != std::string_view::npos,
          "only GET is served");
}

std::vector<std::string> request_seeds() {
  return {"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: application/openmetrics-text\r\n\r\n",
          "GET http://x:1/metrics?a=b#c HTTP/1.0\r\n\r\n",
          "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
          "GET /-/ready HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"};
}

const Registration requests({.name = "requests", .run = fuzz_requests, .seeds = request_seeds});

}  // namespace
}  // namespace aiotrace::fuzz
