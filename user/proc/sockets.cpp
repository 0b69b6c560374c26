#include "proc/sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <vector>

#include "proc/sock_diag.h"
#include "proc/text_file.h"

namespace aiotrace::proc {
namespace {

constexpr std::size_t kMaxTable = 16u << 20;

/// Removes the first line and returns it.
std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

/// At most `most` words; the last one is the whole rest.
std::vector<std::string_view> words_of(std::string_view line, std::size_t most) {
  std::vector<std::string_view> words;
  while (words.size() < most) {
    const auto begin = line.find_first_not_of(' ');
    if (begin == std::string_view::npos) break;
    line.remove_prefix(begin);
    const auto end = words.size() + 1 == most ? std::string_view::npos : line.find(' ');
    words.push_back(line.substr(0, end));
    line.remove_prefix(words.back().size());
  }
  return words;
}

template <class T>
bool is_number(std::string_view word, int base, T& value) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, base);
  return error == std::errc{} && end == word.data() + word.size();
}

/// "0100007F:0016": the address as its 32-bit words lie in memory, each printed as a number; the port as a number.
bool read_end(std::string_view word, std::size_t size, std::array<std::uint8_t, 16>& address, std::uint16_t& port) {
  constexpr std::size_t kDigits = 8;  // of 32 bits
  if (word.size() != 2 * size + 5 || word[2 * size] != ':') return false;
  for (std::size_t at = 0; at < size; at += 4) {
    std::uint32_t part = 0;
    if (!is_number(word.substr(2 * at, kDigits), 16, part)) return false;
    std::memcpy(address.data() + at, &part, sizeof part);
  }
  return is_number(word.substr(2 * size + 1), 16, port);
}

}  // namespace

// "sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode …": net/ipv4/tcp_ipv4.c
std::optional<SocketEnds> find_in_inet_table(std::string_view table, std::uint64_t inode, std::uint16_t family,
                                             std::uint16_t protocol) {
  constexpr std::size_t kInode = 9;
  const std::size_t size = family == AF_INET6 ? 16 : 4;
  while (!table.empty()) {
    const auto words = words_of(take_line(table), kInode + 2);
    std::uint64_t its = 0;
    if (words.size() <= kInode || !is_number(words[kInode], 10, its) || its != inode) continue;
    SocketEnds ends;
    ends.family = family;
    ends.protocol = protocol;
    if (read_end(words[1], size, ends.local, ends.local_port) && read_end(words[2], size, ends.peer, ends.peer_port))
      return ends;
  }
  return std::nullopt;
}

// "Num: RefCount Protocol Flags Type St Inode Path": net/unix/af_unix.c. An abstract name begins with @. A path is
// printed unchanged: a path with a newline can imitate a row.
std::optional<SocketEnds> find_in_unix_table(std::string_view table, std::uint64_t inode) {
  constexpr std::size_t kInode = 6;
  std::optional<SocketEnds> found;
  while (!table.empty()) {
    const auto words = words_of(take_line(table), kInode + 2);
    std::uint64_t its = 0;
    if (words.size() <= kInode || !is_number(words[kInode], 10, its) || its != inode) continue;
    if (found) return std::nullopt;
    found.emplace();
    found->family = AF_UNIX;
    if (words.size() > kInode + 1) found->path = words[kInode + 1];
  }
  return found;
}

namespace {

struct Kind {
  const char* table;
  std::uint16_t family;
  std::uint16_t protocol;
};
constexpr std::array kInetKinds = {Kind{"tcp", AF_INET, IPPROTO_TCP}, Kind{"tcp6", AF_INET6, IPPROTO_TCP},
                                   Kind{"udp", AF_INET, IPPROTO_UDP}, Kind{"udp6", AF_INET6, IPPROTO_UDP}};

/// sock_diag only answers for the network namespace of the caller.
bool shares_network(pid_t pid) {
  struct stat own{};
  struct stat its{};
  return ::stat("/proc/self/ns/net", &own) == 0 &&
         ::stat(("/proc/" + std::to_string(pid) + "/ns/net").c_str(), &its) == 0 && own.st_dev == its.st_dev &&
         own.st_ino == its.st_ino;
}

std::string table_of(pid_t pid, const char* name) {
  return read_text("/proc/" + std::to_string(pid) + "/net/" + name, kMaxTable).value_or("");
}

}  // namespace

std::optional<SocketEnds> find_socket(pid_t pid, std::uint64_t inode) {
  const bool ask = shares_network(pid);
  const auto known_unix = ask ? diag_unix_socket(inode) : std::unexpected(EXDEV);
  if (known_unix && *known_unix) return *known_unix;
  for (const auto& [table, family, protocol] : kInetKinds) {
    const auto known = ask ? diag_inet_socket(inode, family, protocol) : std::unexpected(EXDEV);
    auto ends = known ? *known : find_in_inet_table(table_of(pid, table), inode, family, protocol);
    if (ends) return ends;
  }
  return known_unix ? std::nullopt : find_in_unix_table(table_of(pid, "unix"), inode);
}

}  // namespace aiotrace::proc
