// The sockets of a process's network namespace.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aiotrace::proc {

struct SocketEnds {
  std::uint16_t family = 0;              ///< AF_*
  std::uint16_t protocol = 0;            ///< IPPROTO_*; 0 for unix sockets
  std::array<std::uint8_t, 16> local{};  ///< network order, the first four bytes for IPv4
  std::array<std::uint8_t, 16> peer{};   ///< all zero: none
  std::uint16_t local_port = 0;
  std::uint16_t peer_port = 0;
  std::string path;  ///< a unix socket's own; empty: it has none. Any bytes
};

/// The row of this inode in /proc/net/{tcp,udp} (AF_INET) or {tcp6,udp6} (AF_INET6). Invalid rows are skipped.
[[nodiscard]] std::optional<SocketEnds> find_in_inet_table(std::string_view table, std::uint64_t inode,
                                                           std::uint16_t family, std::uint16_t protocol);
/// The same for /proc/net/unix. Nothing if two rows have this inode, because one of them is then part of a stranger's
/// socket name.
[[nodiscard]] std::optional<SocketEnds> find_in_unix_table(std::string_view table, std::uint64_t inode);

/// Asks the kernel (sock_diag.h); if the process is in another network namespace, or the kernel does not answer, reads
/// the tables: TCP, UDP, unix. The cost grows with the number of sockets (up to 1 µs each), so it is not done for every
/// wait. Nothing if it is not in the first 16 MiB of a table.
[[nodiscard]] std::optional<SocketEnds> find_socket(pid_t pid, std::uint64_t inode);

}  // namespace aiotrace::proc
