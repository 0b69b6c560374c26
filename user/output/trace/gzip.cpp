#include "output/trace/gzip.h"

#include <zlib.h>

#include <limits>

namespace aiotrace::output {

Result<std::string> gzip(std::string_view bytes) {
  constexpr int kGzip = 16;  // added to the window's bits: zlib.h, deflateInit2
  constexpr int kMemoryLevel = 8;
  z_stream stream{};
  if (bytes.size() > std::numeric_limits<uInt>::max() / 2) return fail("compress", "more than 2 GB");
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + kGzip, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return fail("compress", "zlib does not start");
  }
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  // zlib only reads it, but its interface has no const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) return fail("compress", "zlib failed with " + std::to_string(status));
  return out;
}

}  // namespace aiotrace::output
