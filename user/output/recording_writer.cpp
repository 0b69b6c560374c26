#include "output/recording_writer.h"

#include <fcntl.h>
#include <zlib.h>
#include <zstd.h>

#include <utility>

#include "output/output_file.h"
#include "output/recording_fields.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

void append_u32(std::string& to, std::uint32_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8) to.push_back(static_cast<char>(value >> shift));
}

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

}  // namespace

void RecordingWriter::ContextCloser::operator()(ZSTD_CCtx_s* context) const noexcept { ::ZSTD_freeCCtx(context); }

RecordingWriter::RecordingWriter(UniqueFd fd, std::string name)
    : fd_(std::move(fd)), name_(std::move(name)), zstd_(::ZSTD_createCCtx()) {}

template <class T>
Status RecordingWriter::write(RecordKind kind, const T& value) {
  if (ended_) return {};
  encoder_.clear();
  transfer(encoder_, value);
  return write_body(kind, encoder_.bytes(), false);
}

Result<RecordingWriter> RecordingWriter::create(const std::string& path, const RecordingHead& head) {
  auto fd = open_output_file(path);
  if (!fd) return std::unexpected(fd.error());
  RecordingWriter writer(std::move(*fd), path);
  // Level 3 packs a stall in some 30 µs; a window of 1 MiB holds hundreds of them and bounds what a reader needs.
  constexpr int kLevel = 3;
  constexpr int kWindowLog = 20;
  if (!writer.zstd_ ||
      ::ZSTD_isError(::ZSTD_CCtx_setParameter(writer.zstd_.get(), ::ZSTD_c_compressionLevel, kLevel)) != 0 ||
      ::ZSTD_isError(::ZSTD_CCtx_setParameter(writer.zstd_.get(), ::ZSTD_c_windowLog, kWindowLog)) != 0 ||
      ::ZSTD_isError(::ZSTD_CCtx_setParameter(writer.zstd_.get(), ::ZSTD_c_checksumFlag, 1)) != 0)
    return fail("record to " + path, "zstd cannot be set up");
  std::string start(kRecordingMagic.begin(), kRecordingMagic.end());
  append_u32(start, kRecordingFormat);
  if (auto status = writer.write_bytes(start); !status) return std::unexpected(status.error());
  if (auto status = writer.write(RecordKind::head, head); !status) return std::unexpected(status.error());
  return writer;
}

Status RecordingWriter::watching(const model::Watching& watching) { return write(RecordKind::watching, watching); }
Status RecordingWriter::stall(const model::Stall& stall) { return with_moments(RecordKind::stall, stall); }
Status RecordingWriter::unfinished(const model::Stall& stall) { return with_moments(RecordKind::unfinished, stall); }
Status RecordingWriter::leaks(const RecordedLeaks& leaks) { return write(RecordKind::leaks, leaks); }

// Pictures are made of stalls whose last word is told.
Status RecordingWriter::with_moments(RecordKind kind, const model::Stall& stall) {
  Status moments;
  if (!stall.moments.empty() && (!stall.ongoing || kind == RecordKind::unfinished))
    moments = write(RecordKind::moments, stall.moments);
  auto status = write(kind, stall);
  return status ? moments : status;
}

Status RecordingWriter::before_summary(const model::Summary& summary) {
  std::vector<std::vector<std::uint32_t>> histograms;
  histograms.reserve(summary.loops.size());
  for (const auto& loop : summary.loops) histograms.push_back(loop.buckets);
  auto status = write(RecordKind::histograms, histograms);
  if (!summary.last_leak_scan) return status;
  auto leaks = write(RecordKind::summary_leaks, RecordedLeaks{.leaks = summary.leaks, .scan = *summary.last_leak_scan});
  return status ? leaks : status;
}

Status RecordingWriter::so_far(const model::Summary& summary) {
  // What does not fit is no reason to lose the rest.
  auto before = before_summary(summary);
  auto status = write(RecordKind::so_far, summary);
  return status ? before : status;
}

Status RecordingWriter::finish(const model::Summary& summary) {
  // Without the summary there is still an end.
  auto before = before_summary(summary);
  auto status = write(RecordKind::summary, summary);
  if (status) status = before;
  if (ended_) return status;
  auto end = write_body(RecordKind::end, {}, true);
  ended_ = true;
  return status ? end : status;
}

Status RecordingWriter::write_body(RecordKind kind, std::string_view body, bool last) {
  if (body.size() > kMaxRecordingBody)
    return fail("record to " + name_, "one record is too large, with " + format_bytes(body.size()),
                "it is left out of the recording", ErrorKind::usage);
  record_.clear();
  record_.push_back(static_cast<char>(kind));
  append_u32(record_, static_cast<std::uint32_t>(body.size()));
  record_.append(body);
  append_u32(record_, checksum(record_));

  packed_.clear();
  ZSTD_inBuffer in{record_.data(), record_.size(), 0};
  std::size_t left = 1;
  while (left != 0) {
    const auto before = packed_.size();
    packed_.resize(before + ::ZSTD_CStreamOutSize());
    ZSTD_outBuffer out{packed_.data(), packed_.size(), before};
    left = ::ZSTD_compressStream2(zstd_.get(), &out, &in, last ? ::ZSTD_e_end : ::ZSTD_e_flush);
    if (::ZSTD_isError(left) != 0) {
      ended_ = true;
      return fail("record to " + name_, ::ZSTD_getErrorName(left));
    }
    packed_.resize(out.pos);
  }
  return write_bytes(packed_);
}

Status RecordingWriter::write_bytes(std::string_view bytes) {
  if (const int error = write_whole(fd_.get(), bytes); error != 0) {
    ended_ = true;
    return fail_errno("record to " + name_, error, "the recording ends here; what is in it can be read");
  }
  return {};
}

}  // namespace aiotrace::output
