#include "recording/writer.h"

#include <fcntl.h>
#include <zlib.h>
#include <zstd.h>

#include <utility>

#include "recording/transfer.h"
#include "util/output_file.h"
#include "util/text.h"

namespace aiotrace::recording {
namespace {

void append_u32(std::string& to, std::uint32_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8) to.push_back(static_cast<char>(value >> shift));
}

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

}  // namespace

void Writer::ContextCloser::operator()(ZSTD_CCtx_s* context) const noexcept { ::ZSTD_freeCCtx(context); }

Writer::Writer(UniqueFd fd, std::string name)
    : fd_(std::move(fd)), name_(std::move(name)), zstd_(::ZSTD_createCCtx()) {}

template <class T>
Status Writer::write(Kind kind, const T& value) {
  if (ended_) return {};
  encoder_.clear();
  transfer(encoder_, value);
  return write_body(kind, encoder_.bytes(), false);
}

Result<Writer> Writer::create(const std::string& path, const Head& head) {
  auto fd = open_output_file(path);
  if (!fd) return std::unexpected(fd.error());
  return create(std::move(*fd), path, head);
}

Result<Writer> Writer::create(UniqueFd file, const std::string& name, const Head& head) {
  Writer writer(std::move(file), name);
  // Level 3 packs a stall in some 30 µs; a window of 1 MiB holds hundreds of them and bounds what a reader needs.
  constexpr int kLevel = 3;
  constexpr int kWindowLog = 20;
  if (!writer.zstd_ ||
      ::ZSTD_isError(::ZSTD_CCtx_setParameter(writer.zstd_.get(), ::ZSTD_c_compressionLevel, kLevel)) != 0 ||
      ::ZSTD_isError(::ZSTD_CCtx_setParameter(writer.zstd_.get(), ::ZSTD_c_windowLog, kWindowLog)) != 0 ||
      ::ZSTD_isError(::ZSTD_CCtx_setParameter(writer.zstd_.get(), ::ZSTD_c_checksumFlag, 1)) != 0)
    return fail("record to " + name, "zstd cannot be set up");
  std::string start(kMagic.begin(), kMagic.end());
  append_u32(start, kFormat);
  if (auto status = writer.write_bytes(start); !status) return std::unexpected(status.error());
  if (auto status = writer.write(Kind::head, head); !status) return std::unexpected(status.error());
  return writer;
}

Status Writer::watching(const model::Watching& watching) { return write(Kind::watching, watching); }
Status Writer::stall(const model::Stall& stall) { return with_moments(Kind::stall, stall); }
Status Writer::unfinished(const model::Stall& stall) { return with_moments(Kind::unfinished, stall); }
Status Writer::leaks(const model::ScannedLeaks& leaks) { return write(Kind::leaks, leaks); }
Status Writer::hangs(const model::ScannedHangs& hangs) { return write(Kind::hangs, hangs); }

Status Writer::owner(const Owner& owner) { return write(Kind::owner, owner); }

Status Writer::begin(const model::LeaksHead& head) { return write(Kind::leaks_head, head); }
Status Writer::begin(const model::AwaitsHead& head) { return write(Kind::awaits_head, head); }
Status Writer::begin(const model::ProfileHead& head) { return write(Kind::profile_head, head); }

template <class T>
Status Writer::write_rows(Kind kind, const std::vector<T>& rows) {
  constexpr std::size_t kEnough = std::size_t{1} << 20;
  Status status;
  for (std::size_t next = 0; next < rows.size() && !ended_;) {
    const auto first = next;
    Encoder some;
    while (next < rows.size() && some.bytes().size() < kEnough) transfer(some, rows[next++]);
    encoder_.clear();
    encoder_.number(next - first);
    encoder_.append(some.bytes());
    if (auto written = write_body(kind, encoder_.bytes(), false); !written) status = written;
  }
  return status;
}

template <class T>
Status Writer::write_last(Status before, Kind kind, const T& value) {
  auto status = write(kind, value);
  if (status) status = std::move(before);
  if (ended_) return status;
  auto end = write_body(Kind::end, {}, true);
  ended_ = true;
  return status ? end : status;
}

Status Writer::finish(const model::LeaksEnd& end) { return write_last({}, Kind::leaks_end, end); }

Status Writer::finish(const model::AwaitsFound& found) {
  auto rows = write_rows(Kind::await_rows, found.rows);
  if (auto status = write_rows(Kind::await_stack_rows, found.by_stack); !status) rows = status;
  if (found.stacks) {
    if (auto status = write(Kind::await_stacks, found.stacks->parts()); !status) rows = status;
  }
  return write_last(std::move(rows), Kind::awaits, found);
}

Status Writer::finish(const model::ExactFound& found) {
  auto rows = write_rows(Kind::exact_rows, found.rows);
  if (auto status = write_rows(Kind::delay_rows, found.delays); !status) rows = status;
  return write_last(std::move(rows), Kind::exact_awaits, found);
}

Status Writer::finish(const model::ProfileReport& report) {
  auto rows = write_rows(Kind::profile_rows, report.rows);
  if (auto status = write_rows(Kind::profile_threads, report.threads); !status) rows = status;
  return write_last(std::move(rows), Kind::profile, report);
}

// Graphics are made from ended stalls.
Status Writer::with_moments(Kind kind, const model::Stall& stall) {
  Status moments;
  if (!stall.moments.empty() && (!stall.ongoing || kind == Kind::unfinished))
    moments = write(Kind::moments, stall.moments);
  auto status = write(kind, stall);
  return status ? moments : status;
}

Status Writer::before_summary(const model::Summary& summary) {
  std::vector<std::vector<std::uint32_t>> histograms;
  histograms.reserve(summary.loops.size());
  for (const auto& loop : summary.loops) histograms.push_back(loop.buckets);
  auto status = write(Kind::histograms, histograms);
  if (!summary.last_leak_scan) return status;
  auto leaks = write(Kind::summary_leaks, model::ScannedLeaks{.leaks = summary.leaks, .scan = *summary.last_leak_scan});
  return status ? leaks : status;
}

Status Writer::so_far(const model::Summary& summary) {
  // A record that does not fit is no reason to lose the rest.
  auto before = before_summary(summary);
  auto status = write(Kind::so_far, summary);
  return status ? before : status;
}

Status Writer::finish(const model::Summary& summary) {
  // If the summary cannot be written, the end is still written.
  return write_last(before_summary(summary), Kind::summary, summary);
}

Status Writer::write_body(Kind kind, std::string_view body, bool last) {
  if (body.size() > kMaxBody)
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

Status Writer::write_bytes(std::string_view bytes) {
  if (const int error = write_whole(fd_.get(), bytes); error != 0) {
    ended_ = true;
    return fail_errno("record to " + name_, error, "the recording ends here; what is in it can be read");
  }
  size_ += bytes.size();
  return {};
}

}  // namespace aiotrace::recording
