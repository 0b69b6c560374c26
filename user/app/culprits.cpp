#include "app/culprits.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "proc/syscalls.h"

namespace aiotrace::app {

namespace {

constexpr std::uint16_t kDnsPort = 53;

std::string address_text(std::uint16_t family, const std::array<std::uint8_t, 16>& address, std::uint16_t port) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (inet_ntop(family, address.data(), text.data(), text.size()) == nullptr) return {};
  const bool v6 = family == AF_INET6;
  return (v6 ? "[" : "") + std::string(text.data()) + (v6 ? "]:" : ":") + std::to_string(port);
}

bool is_unspecified(const std::array<std::uint8_t, 16>& address) {
  return std::ranges::all_of(address, [](std::uint8_t byte) { return byte == 0; });
}

std::string protocol_name(const model::TargetSeen& target) {
  if (target.family == AF_UNIX) return "unix";
  if (target.family == AF_NETLINK) return "netlink";
  switch (target.protocol) {
    case IPPROTO_TCP: return "tcp";
    case IPPROTO_UDP: return "udp";
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6: return "icmp";
    case IPPROTO_SCTP: return "sctp";
    default: return target.family == AF_INET || target.family == AF_INET6 ? "ip" : "";
  }
}

// Sockets of the resolvers that glibc's getaddrinfo uses: systemd-resolved, nscd.
bool is_resolver(const std::string& path) {
  return path.ends_with("/io.systemd.Resolve") || path.ends_with("/nscd/socket");
}

model::SocketEnds socket_culprit(const model::TargetSeen& target) {
  model::SocketEnds culprit;
  culprit.protocol = protocol_name(target);
  if (target.family == AF_UNIX) {
    (target.path_is_peers ? culprit.peer : culprit.local) = target.path;
    culprit.dns = is_resolver(target.path);
    return culprit;
  }
  if (target.family != AF_INET && target.family != AF_INET6) return culprit;
  if (target.local_port != 0 || !is_unspecified(target.local))
    culprit.local = address_text(target.family, target.local, target.local_port);
  if (target.peer_port != 0) culprit.peer = address_text(target.family, target.peer, target.peer_port);
  culprit.dns = target.peer_port == kDnsPort;
  return culprit;
}

}  // namespace

std::optional<model::Culprit> culprit_of_target(model::Cause cause, const model::TargetSeen& target,
                                                const std::string& working_directory) {
  using Kind = model::TargetSeen::Kind;
  if (cause == model::Cause::network && target.kind == Kind::socket) return socket_culprit(target);
  if (cause == model::Cause::process && target.kind == Kind::child)
    return model::ChildProcess{.pid = target.child_pid, .comm = target.comm};
  if (cause != model::Cause::file || (target.kind != Kind::file && target.kind != Kind::path)) return std::nullopt;
  model::FileUse culprit{.path = target.path, .op = {}};
  if (target.kind == Kind::path && !culprit.path.starts_with('/') && !working_directory.empty())
    culprit.path = working_directory + "/" + culprit.path;
  if (target.deleted) culprit.path += " (deleted)";
  culprit.op = proc::file_operation(proc::syscall_name(target.syscall));
  return culprit;
}

}  // namespace aiotrace::app
