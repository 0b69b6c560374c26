#include "proc/memory.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <vector>

namespace aiotrace::proc {

int LiveMemory::try_read(std::uint64_t address, std::span<std::byte> into) const {
  if (address + into.size() < address) return EFAULT;
  if (stop_ != nullptr && stop_->load(std::memory_order_relaxed)) return ECANCELED;
  while (!into.empty()) {
    iovec local{.iov_base = into.data(), .iov_len = into.size()};
    iovec remote{.iov_base = reinterpret_cast<void*>(address), .iov_len = into.size()};
    const ssize_t got = ::process_vm_readv(pid_, &local, 1, &remote, 1, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) return EFAULT;
    // A short count means that a page behind it is missing: the next call returns the reason.
    address += static_cast<std::uint64_t>(got);
    into = into.subspan(static_cast<std::size_t>(got));
  }
  return 0;
}

std::size_t LiveMemory::read_at_once(std::span<const Piece> pieces) const {
  if (stop_ != nullptr && stop_->load(std::memory_order_relaxed)) return 0;
  pieces = pieces.first(std::min<std::size_t>(pieces.size(), IOV_MAX));
  std::vector<iovec> local, remote;
  local.reserve(pieces.size());
  remote.reserve(pieces.size());
  for (const auto& piece : pieces) {
    local.push_back({.iov_base = piece.into.data(), .iov_len = piece.into.size()});
    remote.push_back({.iov_base = reinterpret_cast<void*>(piece.address), .iov_len = piece.into.size()});
  }
  auto got = ::process_vm_readv(pid_, local.data(), local.size(), remote.data(), remote.size(), 0);
  std::size_t whole = 0;
  for (const auto& piece : pieces) {
    if (got < static_cast<ssize_t>(piece.into.size())) break;
    got -= static_cast<ssize_t>(piece.into.size());
    ++whole;
  }
  return whole;
}

}  // namespace aiotrace::proc
