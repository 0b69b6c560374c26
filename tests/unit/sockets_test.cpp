// /proc/net's tables of sockets: rows as kernels print them, and invalid rows.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <string>

#include "proc/sock_diag.h"
#include "proc/sockets.h"
#include "tests/catch.h"

using namespace aiotrace;

namespace {

constexpr const char* kTcp =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100 0 0 10 0\n"
    "   1: 0201A8C0:C350 0A01A8C0:01BB 01 00000000:00000000 02:000A 00000000  1000        0 112 2 0 20 4 30 10 -1\n";
constexpr const char* kTcp6 =
    "  sl  local_address                         remote_address                        st tx rx tr uid timeout inode\n"
    "   0: 000000000000000000000000010000 00:1F90 broken\n"
    "   1: 00000000000000000000000001000000:9C40 B80D0120000000000000000001000000:0035 01 0:0 00:0 0 0 0 113 1\n";
constexpr const char* kUnix =
    "Num       RefCount Protocol Flags    Type St Inode Path\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 114 /run/a name.sock\n"
    "0000000000000000: 00000003 00000000 00000000 0001 03 115\n";

std::string text_of(int family, const std::array<std::uint8_t, 16>& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  REQUIRE(::inet_ntop(family, address.data(), text.data(), text.size()) != nullptr);
  return text.data();
}

}  // namespace

TEST_CASE("a TCP socket by its inode", "[sockets]") {
  const auto found = proc::find_in_inet_table(kTcp, 112, AF_INET, IPPROTO_TCP);
  REQUIRE(found);
  CHECK(found->family == AF_INET);
  CHECK(found->protocol == IPPROTO_TCP);
  CHECK(text_of(AF_INET, found->local) == "192.168.1.2");
  CHECK(found->local_port == 50000);
  CHECK(text_of(AF_INET, found->peer) == "192.168.1.10");
  CHECK(found->peer_port == 443);
}

TEST_CASE("a listening socket has no peer", "[sockets]") {
  const auto found = proc::find_in_inet_table(kTcp, 111, AF_INET, IPPROTO_TCP);
  REQUIRE(found);
  CHECK(found->local_port == 8080);
  CHECK(found->peer_port == 0);
  CHECK(found->peer == std::array<std::uint8_t, 16>{});
}

TEST_CASE("an IPv6 socket; rows that are none are skipped", "[sockets]") {
  const auto found = proc::find_in_inet_table(kTcp6, 113, AF_INET6, IPPROTO_UDP);
  REQUIRE(found);
  CHECK(text_of(AF_INET6, found->local) == "::1");
  CHECK(text_of(AF_INET6, found->peer) == "2001:db8::1");
  CHECK(found->peer_port == 53);
  CHECK_FALSE(proc::find_in_inet_table(kTcp, 113, AF_INET, IPPROTO_TCP));
  CHECK_FALSE(proc::find_in_inet_table(kTcp6, 113, AF_INET, IPPROTO_TCP));
  CHECK_FALSE(proc::find_in_inet_table("", 113, AF_INET, IPPROTO_TCP));
}

TEST_CASE("a unix socket with a path and one without", "[sockets]") {
  const auto named = proc::find_in_unix_table(kUnix, 114);
  REQUIRE(named);
  CHECK(named->family == AF_UNIX);
  CHECK(named->path == "/run/a name.sock");
  const auto plain = proc::find_in_unix_table(kUnix, 115);
  REQUIRE(plain);
  CHECK(plain->path == "");
  CHECK_FALSE(proc::find_in_unix_table(kUnix, 116));
}

TEST_CASE("a socket of this process", "[sockets]") {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  REQUIRE(fd >= 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(9);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  struct stat status{};
  REQUIRE(::fstat(fd, &status) == 0);
  const auto found = connected == 0 ? proc::find_socket(::getpid(), status.st_ino) : std::nullopt;
  ::close(fd);
  if (connected != 0) AIOTRACE_SKIP("no loopback here");
  REQUIRE(found);
  CHECK(found->protocol == IPPROTO_UDP);
  CHECK(found->peer_port == 9);
  CHECK(text_of(AF_INET, found->peer) == "127.0.0.1");
}

TEST_CASE("a row in the name of a stranger's socket makes a unix socket unknown, never another", "[sockets]") {
  const std::string row = "0000000000000000: 00000002 00000000 00010000 0001 01 114 ";
  CHECK_FALSE(proc::find_in_unix_table(std::string(kUnix) + row + "@evil\n", 114));
  CHECK_FALSE(proc::find_in_unix_table("Num\n" + row + "/tmp/x\n0: 2 0 0 1 1 114 @evil\n", 114));
}

TEST_CASE("a unix socket of this process, whatever its name", "[sockets]") {
  for (const auto& name : {std::string("aiotrace\n0: 2 0 0 1 1 7 @evil"), std::string("a\0b", 3)}) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0);
    sockaddr_un own{};
    own.sun_family = AF_UNIX;
    std::memcpy(own.sun_path + 1, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&own), size) == 0);
    struct stat status{};
    REQUIRE(::fstat(fd, &status) == 0);
    const auto asked = proc::diag_unix_socket(status.st_ino);
    const auto found = proc::find_socket(::getpid(), status.st_ino);
    ::close(fd);
    if (!asked) AIOTRACE_SKIP("no unix_diag in this kernel");
    REQUIRE(*asked);
    CHECK((*asked)->path == "@" + (name.size() == 3 ? std::string("a@b") : name));
    REQUIRE(found);
    CHECK(found->path == (*asked)->path);
  }
  CHECK_FALSE(proc::find_socket(::getpid(), 0));
}

TEST_CASE("a TCP socket of this process, as the kernel and as its table say", "[sockets]") {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(fd >= 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  const bool listens = ::bind(fd, reinterpret_cast<const sockaddr*>(&at), size) == 0 && ::listen(fd, 1) == 0 &&
                       ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) == 0;
  struct stat status{};
  REQUIRE(::fstat(fd, &status) == 0);
  const auto asked = proc::diag_inet_socket(status.st_ino, AF_INET, IPPROTO_TCP);
  const auto found = proc::find_socket(::getpid(), status.st_ino);
  ::close(fd);
  if (!listens) AIOTRACE_SKIP("no loopback here");
  REQUIRE(found);
  CHECK(found->local_port == ntohs(at.sin_port));
  CHECK(found->peer_port == 0);
  if (!asked) AIOTRACE_SKIP("no inet_diag in this kernel");
  REQUIRE(*asked);
  CHECK((*asked)->local_port == found->local_port);
  CHECK(text_of(AF_INET, (*asked)->local) == "127.0.0.1");
}
