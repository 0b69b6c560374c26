// Sockets as the kernel lists them over netlink (sock_diag(7)): in binary form, so that a stranger's socket name cannot
// imitate another socket's row.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>

#include "proc/sockets.h"

namespace aiotrace::proc {

/// In this process's network namespace. Nothing: there is no such socket. The error is an errno: the kernel has no
/// sock_diag for this kind (a missing module), or does not permit the request.
[[nodiscard]] std::expected<std::optional<SocketEnds>, int> diag_unix_socket(std::uint64_t inode);

/// The same for TCP or UDP: `family` AF_INET or AF_INET6, `protocol` IPPROTO_TCP or IPPROTO_UDP. The kernel finds these
/// only by their ends, so all are listed, which takes some 100 ns each.
[[nodiscard]] std::expected<std::optional<SocketEnds>, int> diag_inet_socket(std::uint64_t inode, std::uint16_t family,
                                                                             std::uint16_t protocol);

}  // namespace aiotrace::proc
