#include "symbolize/debug_file.h"

#include <lzma.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace aiotrace::symbolize {
namespace {

constexpr std::size_t kMaxMiniDebug = 16u << 20;  // the unpacked size, and the memory for unpacking
constexpr std::string_view kDebugRoot = "/usr/lib/debug";

struct Link {
  std::string name;
  std::uint32_t crc = 0;
};

/// .gnu_debuglink: the file's name, null bytes up to a multiple of 4, CRC-32 of the file.
std::optional<Link> debug_link(const proc::ElfImage& image) {
  const auto section = image.section(".gnu_debuglink");
  if (!section || !section->in_file || section->size < 8 || section->size > 4096) return std::nullopt;
  const auto bytes = image.file_bytes(section->offset, section->size);
  if (bytes.size() != section->size) return std::nullopt;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::size_t end = text.find('\0');
  Link link{.name = std::string(text.substr(0, end))};
  if (end == std::string_view::npos || end == 0 || link.name.find('/') != std::string::npos || link.name == "..") {
    return std::nullopt;
  }
  const std::size_t crc = (end + 4) & ~std::size_t{3};
  if (crc + sizeof link.crc > bytes.size()) return std::nullopt;
  std::memcpy(&link.crc, bytes.data() + crc, sizeof link.crc);
  return link;
}

bool has_checksum(const proc::ElfImage& file, std::uint32_t wanted) {
  if (!file.may_be_read_whole()) return false;
  std::uint32_t crc = 0;
  for (std::uint64_t at = 0;;) {
    const auto part = file.file_bytes(at, 1u << 20);
    if (part.empty()) return crc == wanted;
    crc = static_cast<std::uint32_t>(
        ::crc32(crc, reinterpret_cast<const Bytef*>(part.data()), static_cast<uInt>(part.size())));
    at += part.size();
  }
}

template <class Fits>
std::optional<proc::ElfImage> first_that_fits(const proc::ElfImage& image, const std::vector<std::string>& paths,
                                              pid_t pid, Fits fits) {
  for (const bool in_root : {true, false}) {
    if (in_root && pid <= 0) continue;
    for (const auto& path : paths) {
      auto file = in_root ? proc::ElfImage::open_in_root(pid, path)
                          : proc::ElfImage::open_file(path, image.account().payer());
      if (file && fits(*file)) return std::move(*file);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<proc::ElfImage> find_debug_file(const proc::ElfImage& image, pid_t pid) {
  const std::string id = image.build_id();
  if (id.size() > 4) {
    const std::string path = std::string(kDebugRoot) + "/.build-id/" + id.substr(0, 2) + "/" + id.substr(2) + ".debug";
    auto file = first_that_fits(image, {path}, pid, [&](const auto& each) { return each.build_id() == id; });
    if (file) return file;
  }
  const auto link = debug_link(image);
  const std::size_t slash = image.path().rfind('/');
  if (!link || slash == std::string::npos) return std::nullopt;
  const std::string folder = image.path().substr(0, slash + 1);
  const std::string below = std::string(kDebugRoot) + folder + link->name;
  const auto fits = [&](const proc::ElfImage& each) {
    if (each.identity() == image.identity()) return false;
    const std::string other = each.build_id();
    return id.empty() || other.empty() ? has_checksum(each, link->crc) : other == id;
  };
  return first_that_fits(image, {folder + link->name, folder + ".debug/" + link->name, below}, pid > 0 ? pid : 0, fits);
}

std::optional<proc::ElfImage> mini_debug_info(const proc::ElfImage& image) {
  const auto section = image.section(".gnu_debugdata");
  if (!section) return std::nullopt;
  const auto packed = image.content(*section, kMaxMiniDebug);
  if (packed.bytes.empty()) return std::nullopt;
  const auto room = image.account().take(kMaxMiniDebug);
  lzma_stream stream = LZMA_STREAM_INIT;
  if (!room || ::lzma_stream_decoder(&stream, kMaxMiniDebug, 0) != LZMA_OK) return std::nullopt;
  stream.next_in = reinterpret_cast<const std::uint8_t*>(packed.bytes.data());
  stream.avail_in = packed.bytes.size();
  std::vector<std::byte> plain;
  lzma_ret state = LZMA_OK;
  // The unpacked size is unknown in advance, and a small file can unpack to any size.
  while (state == LZMA_OK && plain.size() < kMaxMiniDebug) {
    const std::size_t have = plain.size();
    plain.resize(std::min(kMaxMiniDebug, std::max<std::size_t>(have * 2, 256u << 10)));
    stream.next_out = reinterpret_cast<std::uint8_t*>(plain.data() + have);
    stream.avail_out = plain.size() - have;
    state = ::lzma_code(&stream, LZMA_FINISH);
    plain.resize(plain.size() - stream.avail_out);
  }
  ::lzma_end(&stream);
  if (state == LZMA_OK) image.account().refuse();
  if (state != LZMA_STREAM_END) return std::nullopt;
  auto mini = proc::ElfImage::from_memory(std::move(plain), image.account().payer());
  return mini ? std::optional(std::move(*mini)) : std::nullopt;
}

}  // namespace aiotrace::symbolize
