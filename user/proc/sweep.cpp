#include "proc/sweep.h"

#include <algorithm>

namespace aiotrace::proc {
namespace {

constexpr std::size_t kPiece = std::size_t{512} << 10;
constexpr std::size_t kPage = 4096;

}  // namespace

Swept sweep(const Memory& memory, const std::vector<Range>& ranges, const TakePiece& take) {
  Swept swept;
  std::vector<std::byte> buffer(kPiece);
  for (const Range& range : ranges) {
    for (std::uint64_t at = range.start; at < range.end;) {
      const auto piece = std::span(buffer).first(std::min<std::uint64_t>(kPiece, range.end - at));
      if (memory.read(at, piece)) {
        take(piece, at);
        swept.bytes += piece.size();
      } else {
        // A part was unmapped: reads the remaining pages one by one.
        for (std::size_t page = 0; page < piece.size(); page += kPage) {
          const auto bytes = piece.subspan(page, std::min(kPage, piece.size() - page));
          if (memory.read(at + page, bytes)) {
            take(bytes, at + page);
            swept.bytes += bytes.size();
          } else {
            swept.unreadable_bytes += bytes.size();
          }
        }
      }
      at += piece.size();
    }
  }
  return swept;
}

}  // namespace aiotrace::proc
