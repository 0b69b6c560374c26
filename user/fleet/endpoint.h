// Where the daemon sends to.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace aiotrace::fleet {

struct Endpoint {
  std::string host;  ///< an address of IPv4 or IPv6: names are not looked up
  std::uint16_t port = 0;
  std::string path{};  ///< before that of a request: "" or "/otlp"

  bool operator==(const Endpoint&) const = default;
  /// "http://127.0.0.1:4318/otlp"
  [[nodiscard]] std::string url() const;
  /// As the header Host has it: "[::1]:4318".
  [[nodiscard]] std::string authority() const;
};

/// http://ADDRESS:PORT, with a path or without. The error says what is wrong with it.
[[nodiscard]] std::expected<Endpoint, std::string> parse_endpoint(std::string_view url);

}  // namespace aiotrace::fleet
