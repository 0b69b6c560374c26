#include "proc/sock_diag.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <span>
#include <string>

#include "util/unique_fd.h"

namespace aiotrace::proc {
namespace {

/// One request and its answers.
class Diag {
 public:
  Diag() : fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)) {
    constexpr timeval kPatience{.tv_sec = 1, .tv_usec = 0};
    if (fd_) (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  }

  /// `take` gets each answer and returns whether it wants another one. 0, or an errno.
  template <class Request, class Take>
  [[nodiscard]] int ask(const Request& request, std::uint16_t flags, Take take) const {
    if (!fd_) return errno;
    struct {
      nlmsghdr head;
      Request body;
    } message{.head = {.nlmsg_len = sizeof message,
                       .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                       .nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags),
                       .nlmsg_seq = 1,
                       .nlmsg_pid = 0},
              .body = request};
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    const auto sent = ::sendto(fd_.get(), &message, sizeof message, 0, reinterpret_cast<const sockaddr*>(&kernel),
                               sizeof kernel);
    if (sent < 0) return errno;
    while (true) {
      alignas(nlmsghdr) std::array<char, 32768> buffer;
      sockaddr_nl from{};
      socklen_t size = sizeof from;
      const auto got = ::recvfrom(fd_.get(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from),
                                  &size);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return got < 0 ? errno : EIO;
      if (from.nl_pid != 0) continue;  // not from the kernel
      const auto more = read(std::span(buffer.data(), static_cast<std::size_t>(got)), flags, take);
      if (more != kMore) return more;
    }
  }

 private:
  static constexpr int kMore = -1;

  template <class Take>
  static int read(std::span<const char> bytes, std::uint16_t flags, Take take) {
    while (bytes.size() >= sizeof(nlmsghdr)) {
      nlmsghdr head;
      std::memcpy(&head, bytes.data(), sizeof head);
      if (head.nlmsg_len < sizeof head || head.nlmsg_len > bytes.size()) return EPROTO;
      const auto body = bytes.subspan(NLMSG_HDRLEN, head.nlmsg_len - NLMSG_HDRLEN);
      if (head.nlmsg_type == NLMSG_DONE) return 0;
      if (head.nlmsg_type == NLMSG_ERROR) {
        nlmsgerr error{};
        if (body.size() < sizeof error) return EPROTO;
        std::memcpy(&error, body.data(), sizeof error);
        return -error.error;
      }
      if (!take(body)) return 0;
      bytes = bytes.subspan(std::min<std::size_t>(bytes.size(), NLMSG_ALIGN(head.nlmsg_len)));
    }
    return (flags & NLM_F_DUMP) == NLM_F_DUMP ? kMore : 0;
  }

  UniqueFd fd_;
};

/// A name as in /proc/net/unix: @ for each null byte of an abstract name, which begins with one.
std::string unix_name(std::span<const char> bytes) {
  std::string name(bytes.data(), bytes.size());
  if (name.empty() || name.front() != '\0') return name.substr(0, name.find('\0'));
  for (auto& each : name) {
    if (each == '\0') each = '@';
  }
  return name;
}

std::string name_in(std::span<const char> attributes) {
  while (attributes.size() >= sizeof(rtattr)) {
    rtattr head;
    std::memcpy(&head, attributes.data(), sizeof head);
    if (head.rta_len < sizeof head || head.rta_len > attributes.size()) break;
    if (head.rta_type == UNIX_DIAG_NAME)
      return unix_name(attributes.subspan(RTA_LENGTH(0), head.rta_len - RTA_LENGTH(0)));
    attributes = attributes.subspan(std::min<std::size_t>(attributes.size(), RTA_ALIGN(head.rta_len)));
  }
  return {};
}

}  // namespace

namespace {

std::expected<std::optional<SocketEnds>, int> ask_for_unix_socket(std::uint64_t inode) {
  if (inode == 0 || inode > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  unix_diag_req request{};
  request.sdiag_family = AF_UNIX;
  request.udiag_states = ~0U;
  request.udiag_ino = static_cast<std::uint32_t>(inode);
  request.udiag_show = UDIAG_SHOW_NAME;
  request.udiag_cookie[0] = request.udiag_cookie[1] = INET_DIAG_NOCOOKIE;
  std::optional<SocketEnds> found;
  const int error = Diag().ask(request, 0, [&](std::span<const char> body) {
    unix_diag_msg message{};
    if (body.size() < sizeof message) return false;
    std::memcpy(&message, body.data(), sizeof message);
    if (message.udiag_family != AF_UNIX || message.udiag_ino != inode) return false;
    found.emplace();
    found->family = AF_UNIX;
    found->path = name_in(body.subspan(NLMSG_ALIGN(sizeof message)));
    return false;
  });
  if (error != 0) return std::unexpected(error);
  return found;
}

// A kernel without the module also returns ENOENT for everything, so this checks whether the kernel finds a socket of
// our own.
bool has_unix_diag() {
  const UniqueFd own(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  struct stat status{};
  return own && ::fstat(own.get(), &status) == 0 && ask_for_unix_socket(status.st_ino).has_value();
}

}  // namespace

std::expected<std::optional<SocketEnds>, int> diag_unix_socket(std::uint64_t inode) {
  static const bool there = has_unix_diag();
  if (!there) return std::unexpected(ENOENT);
  auto found = ask_for_unix_socket(inode);
  if (!found && found.error() == ENOENT) return std::nullopt;
  return found;
}

std::expected<std::optional<SocketEnds>, int> diag_inet_socket(std::uint64_t inode, std::uint16_t family,
                                                               std::uint16_t protocol) {
  inet_diag_req_v2 request{};
  request.sdiag_family = static_cast<std::uint8_t>(family);
  request.sdiag_protocol = static_cast<std::uint8_t>(protocol);
  request.idiag_states = ~0U;
  std::optional<SocketEnds> found;
  const int error = Diag().ask(request, NLM_F_DUMP, [&](std::span<const char> body) {
    inet_diag_msg message{};
    if (body.size() < sizeof message) return true;
    std::memcpy(&message, body.data(), sizeof message);
    if (inode == 0 || message.idiag_inode != inode || message.idiag_family != family) return true;
    found.emplace();
    found->family = family;
    found->protocol = protocol;
    std::memcpy(found->local.data(), message.id.idiag_src, family == AF_INET6 ? 16 : 4);
    std::memcpy(found->peer.data(), message.id.idiag_dst, family == AF_INET6 ? 16 : 4);
    found->local_port = ntohs(message.id.idiag_sport);
    found->peer_port = ntohs(message.id.idiag_dport);
    return false;
  });
  if (error != 0) return std::unexpected(error);
  return found;
}

}  // namespace aiotrace::proc
