#include "proc/sparse_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace aiotrace::proc {

bool is_mostly_hole(int fd, std::uint64_t offset, std::uint64_t size) {
  constexpr std::uint64_t kSmall = 64u << 10;
  constexpr int kMaxPieces = 64;
  if (size <= kSmall) return false;
  const std::uint64_t end = offset + size;
  std::uint64_t content = 0;
  std::uint64_t at = offset;
  for (int piece = 0; piece < kMaxPieces && at < end; ++piece) {
    const auto begin = ::lseek(fd, static_cast<off_t>(at), SEEK_DATA);
    if (begin < 0 && errno != ENXIO) return false;  // ENXIO: nothing but a hole from here on
    if (begin < 0 || static_cast<std::uint64_t>(begin) >= end) break;
    const auto hole = ::lseek(fd, begin, SEEK_HOLE);
    if (hole < 0) return false;
    at = std::min(end, static_cast<std::uint64_t>(hole));
    content += at - static_cast<std::uint64_t>(begin);
  }
  return content < size / 2;
}

}  // namespace aiotrace::proc
