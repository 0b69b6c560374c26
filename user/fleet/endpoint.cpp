#include "fleet/endpoint.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace aiotrace::fleet {

namespace {

constexpr std::size_t kMaxPath = 256;

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port != 0 ? std::optional(port) : std::nullopt;
}

bool is_address(const std::string& host) {
  // inet_pton() reads up to a zero.
  if (host.find_first_not_of("0123456789abcdefABCDEF.:") != std::string::npos) return false;
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

// What a request line can have without being escaped.
bool is_path(std::string_view path) {
  return path.size() <= kMaxPath && std::ranges::all_of(path, [](char c) { return c > ' ' && c < '\x7f'; }) &&
         path.find_first_of("?#") == std::string_view::npos;
}

}  // namespace

std::string Endpoint::authority() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string Endpoint::url() const { return "http://" + authority() + path; }

std::expected<Endpoint, std::string> parse_endpoint(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (url.starts_with("https://"))
    return std::unexpected("https is not spoken here: send to a collector on this host, which does");
  if (!url.starts_with(kScheme)) return std::unexpected("needs a URL: http://127.0.0.1:4318");
  url.remove_prefix(kScheme.size());
  const auto slash = std::min(url.find('/'), url.size());
  const auto authority = url.substr(0, slash);
  Endpoint made;
  made.path = url.substr(slash);
  while (made.path.ends_with('/')) made.path.pop_back();
  if (!is_path(made.path)) return std::unexpected("has a path that is too long, or that has characters to be escaped");
  const auto colon = authority.rfind(':');
  const auto port = colon == std::string_view::npos ? std::nullopt : port_of(authority.substr(colon + 1));
  if (!port) return std::unexpected("needs a port: http://127.0.0.1:4318");
  made.port = *port;
  made.host = authority.substr(0, colon);
  if (made.host == "localhost") made.host = "127.0.0.1";
  if (made.host.starts_with('[') && made.host.ends_with(']')) made.host = made.host.substr(1, made.host.size() - 2);
  if (!is_address(made.host))
    return std::unexpected("needs an address, as 127.0.0.1 or [::1]: names are not looked up");
  return made;
}

}  // namespace aiotrace::fleet
