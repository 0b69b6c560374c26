#include "app/file_maker.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <string_view>
#include <utility>

#include "util/caller.h"
#include "util/output_file.h"

namespace aiotrace::app {
namespace {

// The child's answer, with a file or without one: "name\nreason".
constexpr std::size_t kMaxAnswer = 1024;

// The name has the time in seconds and, if such a file exists, a number: an existing file is never emptied.
Result<FileMaker::Made> create() {
  constexpr int kTries = 100;
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  std::array<char, 64> stamp{};
  std::strftime(stamp.data(), stamp.size(), "aiotrace-%Y%m%d-%H%M%S", &local);
  std::string name;
  for (int i = 0; i < kTries; ++i) {
    name = std::string(stamp.data()) + (i == 0 ? "" : "-" + std::to_string(i)) + ".aiorec";
    if (::faccessat(AT_FDCWD, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0) break;
  }
  auto file = open_output_file(name);
  if (!file) return std::unexpected(file.error());
  return FileMaker::Made{.file = std::move(*file), .name = name};
}

// The descriptor is sent together with the text: SCM_RIGHTS, unix(7).
struct Message {
  iovec text{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr head{};

  Message(char* bytes, std::size_t size) : text{.iov_base = bytes, .iov_len = size} {
    head.msg_iov = &text;
    head.msg_iovlen = 1;
    head.msg_control = control.data();
    head.msg_controllen = control.size();
  }
};

void answer(int socket) {
  const auto made = create();
  auto text = made ? made->name : made.error().message();
  text.resize(std::min(text.size(), kMaxAnswer - 1));
  Message message(text.data(), text.size());
  if (made) {
    auto* rights = CMSG_FIRSTHDR(&message.head);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = made->file.get();
    std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  } else {
    message.head.msg_control = nullptr;
    message.head.msg_controllen = 0;
  }
  (void)::sendmsg(socket, &message.head, MSG_NOSIGNAL);
}

[[noreturn]] void serve(int socket) {
  // Close the standard streams: a program that waits for their end waits for aiotrace, not for this child.
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, fd);
  if (const auto who = caller(); who.behind_sudo && !become(who)) ::_exit(1);
  char byte = 0;
  while (::read(socket, &byte, 1) == 1) answer(socket);
  ::_exit(0);
}

}  // namespace

Result<FileMaker> FileMaker::start() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return fail_errno("make a pair of sockets", errno);
  UniqueFd own(ends[0]);
  UniqueFd its(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return fail_errno("start a process that creates recordings", errno);
  if (child == 0) {
    own.reset();
    serve(its.get());
  }
  return FileMaker(std::move(own), child);
}

FileMaker::FileMaker(FileMaker&& other) noexcept
    : socket_(std::move(other.socket_)), child_(std::exchange(other.child_, -1)) {}

FileMaker::~FileMaker() {
  socket_.reset();
  while (child_ > 0 && ::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) continue;
}

Result<FileMaker::Made> FileMaker::make() const {
  const char byte = 0;
  std::array<char, kMaxAnswer> bytes{};
  Message message(bytes.data(), bytes.size());
  if (::send(socket_.get(), &byte, 1, MSG_NOSIGNAL) != 1) return fail_errno("ask for a recording", errno);
  const auto size = ::recvmsg(socket_.get(), &message.head, MSG_CMSG_CLOEXEC);
  if (size <= 0) return fail_errno("ask for a recording", size == 0 ? ECHILD : errno);
  const std::string text(bytes.data(), static_cast<std::size_t>(size));
  const auto* rights = CMSG_FIRSTHDR(&message.head);
  if (rights == nullptr || rights->cmsg_type != SCM_RIGHTS) return fail("record", text);
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
  return Made{.file = UniqueFd(fd), .name = text};
}

}  // namespace aiotrace::app
