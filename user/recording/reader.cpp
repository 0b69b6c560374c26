#include "recording/reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <string_view>
#include <utility>

#include "model/cause.h"
#include "model/histogram.h"
#include "model/moments.h"
#include "recording/transfer.h"

namespace aiotrace::recording {
namespace {

constexpr std::size_t kHeadBytes = 1 + sizeof(std::uint32_t);  // size of a record's head: kind and length
constexpr std::size_t kChunk = std::size_t{64} << 10;

std::uint32_t u32_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < sizeof(value); i++)
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  return value;
}

// The body as a T, if it is exactly one T.
template <class T>
std::optional<T> decoded(std::string_view body, std::uint32_t format, std::size_t* memory = nullptr) {
  Decoder decoder(body, format);
  T value;
  transfer(decoder, value);
  if (!decoder.ok() || !decoder.done()) return std::nullopt;
  if (memory != nullptr) *memory = decoder.memory();
  return value;
}

}  // namespace

void Reader::ContextCloser::operator()(ZSTD_DCtx_s* context) const noexcept { ::ZSTD_freeDCtx(context); }

Reader::Reader(UniqueFd fd, std::string name)
    : fd_(std::move(fd)), name_(std::move(name)), zstd_(::ZSTD_createDCtx()) {}

std::unexpected<Error> Reader::damaged(std::string how) const {
  return fail("read " + name_, "the recording is damaged: " + std::move(how));
}

Result<Reader> Reader::open(const std::string& path) {
  const bool standard = path == "-";
  UniqueFd fd(standard ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                       : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return fail_errno("read " + path, errno);
  return of(std::move(fd), standard ? "standard input" : path);
}

Result<Reader> Reader::of(UniqueFd fd, const std::string& name) {
  Reader reader(std::move(fd), name);
  // The writer's window is 1 MiB; a frame that needs more than 8 MiB is not from aiotrace.
  constexpr int kWindowLog = 23;
  if (!reader.zstd_ ||
      ::ZSTD_isError(::ZSTD_DCtx_setParameter(reader.zstd_.get(), ::ZSTD_d_windowLogMax, kWindowLog)) != 0)
    return fail("read " + name, "zstd cannot be set up");
  if (auto status = reader.read_start(); !status) return std::unexpected(status.error());
  if (auto status = reader.read_head(); !status) return std::unexpected(status.error());
  return reader;
}

Result<std::size_t> Reader::read_file(char* into, std::size_t size) {
  while (true) {
    const auto got = ::read(fd_.get(), into, size);
    if (got >= 0) {
      read_bytes_ += static_cast<std::uint64_t>(got);
      file_ended_ = got == 0;
      return static_cast<std::size_t>(got);
    }
    if (errno != EINTR) return fail_errno("read " + name_, errno);
  }
}

Status Reader::read_start() {
  std::string start;
  while (start.size() < kStart && !file_ended_) {
    std::array<char, kStart> bytes{};
    const auto got = read_file(bytes.data(), kStart - start.size());
    if (!got) return std::unexpected(got.error());
    start.append(bytes.data(), *got);
  }
  if (start.empty()) return fail("read " + name_, "the file is empty");
  const auto magic = std::string_view(reinterpret_cast<const char*>(kMagic.data()), kMagic.size());
  if (!magic.starts_with(std::string_view(start).substr(0, magic.size())))
    return fail("read " + name_, "it is no recording of aiotrace", "aiotrace --record FILE makes one");
  if (start.size() < kStart) return fail("read " + name_, "it is cut off: nothing of the recording is left");
  const auto format = u32_at(start, magic.size());
  format_ = format;
  if (format == 0) return damaged("it has no format");
  if (format > kFormat)
    return fail("read " + name_,
                fmt::format("it is in format {} of a newer aiotrace; this one reads up to {}", format, kFormat),
                "use the aiotrace that recorded it, or a newer one", ErrorKind::unsupported);
  return {};
}

Status Reader::read_head() {
  auto raw = next_raw();
  if (!raw) return std::unexpected(raw.error());
  if (!*raw) return fail("read " + name_, "it is cut off: nothing of the recording is left");
  auto head = (*raw)->kind == Kind::head ? decoded<Head>((*raw)->body, format_) : std::nullopt;
  // No place on Earth is farther from UTC; times beyond it could not be written.
  constexpr std::int32_t kDay = 86400;
  if (!head || head->utc_offset_s > kDay || head->utc_offset_s < -kDay) return damaged("it has no head");
  head_ = std::move(*head);
  return {};
}

Status Reader::unpack(std::size_t wanted) {
  if (waiting_at_ != 0) {
    waiting_.erase(0, waiting_at_);
    waiting_at_ = 0;
  }
  while (waiting_.size() < wanted && !frame_ended_) {
    if (broken_) return std::unexpected(*broken_);
    if (packed_at_ == packed_.size() && !file_ended_) {
      packed_.resize(kChunk);
      const auto got = read_file(packed_.data(), kChunk);
      if (!got) return std::unexpected(got.error());
      packed_.resize(*got);
      packed_at_ = 0;
    }
    const auto before = waiting_.size();
    waiting_.resize(before + kChunk);
    ZSTD_inBuffer in{packed_.data(), packed_.size(), packed_at_};
    ZSTD_outBuffer out{waiting_.data(), waiting_.size(), before};
    const auto left = ::ZSTD_decompressStream(zstd_.get(), &out, &in);
    waiting_.resize(out.pos);
    // Data that was unpacked before is valid and comes first.
    if (::ZSTD_isError(left) != 0) {
      broken_ = damaged(::ZSTD_getErrorName(left)).error();
      continue;
    }
    packed_at_ = in.pos;
    unpacked_bytes_ += out.pos - before;
    if (unpacked_bytes_ > kAlwaysAllowed + read_bytes_ * kMaxRatio)
      return damaged("it unpacks to more than a recording of its size can hold");
    frame_ended_ = left == 0;
    if (file_ended_ && packed_at_ == packed_.size() && out.pos == before) break;
  }
  return {};
}

Result<std::optional<Reader::Raw>> Reader::next_raw() {
  if (auto status = unpack(kHeadBytes); !status) return std::unexpected(status.error());
  if (waiting_.size() < kHeadBytes) {
    if (frame_ended_) return damaged("it ends without an end");
    return std::nullopt;
  }
  Raw raw;
  raw.kind = static_cast<Kind>(waiting_[0]);
  const auto size = u32_at(waiting_, 1);
  if (raw.kind < Kind::head || raw.kind > kLastKind || size > kMaxBody) return damaged("it contains an invalid record");
  const auto whole = kHeadBytes + size + sizeof(std::uint32_t);
  if (auto status = unpack(whole); !status) return std::unexpected(status.error());
  if (waiting_.size() < whole) {
    if (frame_ended_) return damaged("it ends in the middle of a record");
    return std::nullopt;
  }
  const auto sum = ::crc32_z(0, reinterpret_cast<const unsigned char*>(waiting_.data()), kHeadBytes + size);
  if (sum != u32_at(waiting_, kHeadBytes + size)) return damaged("a checksum is wrong");
  raw.body = waiting_.substr(kHeadBytes, size);
  waiting_at_ = whole;
  return raw;
}

Result<Record> Reader::end() {
  end_returned_ = true;
  // Reads to the end of the frame, so that zstd checks the frame's own checksum.
  if (auto status = unpack(1); !status) return std::unexpected(status.error());
  if (waiting_.empty() && !frame_ended_) return End{.cut_off = true};
  char byte = 0;
  if (packed_at_ == packed_.size() && !file_ended_) {
    const auto got = read_file(&byte, 1);
    if (!got) return std::unexpected(got.error());
  }
  if (!waiting_.empty() || packed_at_ != packed_.size() || !file_ended_) return damaged("there is data after its end");
  return End{};
}

template <class T>
bool Reader::take_rows(std::string_view body, std::vector<T>& rows) {
  std::size_t memory = 0;
  auto more = decoded<std::vector<T>>(body, format_, &memory);
  // Limit for all records of a run together.
  if (!more || memory > Decoder::kMaxMemory - rows_memory_) return false;
  rows_memory_ += memory;
  std::ranges::move(*more, std::back_inserter(rows));
  return true;
}

// For commands that report at their end.
Result<std::optional<Record>> Reader::run_record(const Raw& raw) {
  const auto& body = raw.body;
  bool good = false;
  switch (raw.kind) {
    case Kind::leaks_head:
      if (auto head = decoded<model::LeaksHead>(body, format_)) return *std::move(head);
      break;
    case Kind::leaks_end:
      if (auto end = decoded<model::LeaksEnd>(body, format_)) return *std::move(end);
      break;
    case Kind::awaits_head:
      if (auto head = decoded<model::AwaitsHead>(body, format_)) return *std::move(head);
      break;
    case Kind::profile_head:
      if (auto head = decoded<model::ProfileHead>(body, format_)) return *std::move(head);
      break;
    case Kind::await_rows: good = take_rows(body, awaits_.rows); break;
    case Kind::await_stack_rows: good = take_rows(body, awaits_.by_stack); break;
    case Kind::await_stacks:
      if (auto parts = decoded<model::WeightedStacks::Parts>(body, format_)) {
        awaits_.stacks = model::WeightedStacks::of(*std::move(parts));
        good = awaits_.stacks.has_value();
      }
      break;
    case Kind::exact_rows: good = take_rows(body, exact_.rows); break;
    case Kind::delay_rows: good = take_rows(body, exact_.delays); break;
    case Kind::profile_rows: good = take_rows(body, profile_.rows); break;
    case Kind::profile_threads: good = take_rows(body, profile_.threads); break;
    case Kind::awaits:
      if (auto found = decoded<model::AwaitsFound>(body, format_)) {
        awaits_.summary = found->summary;
        awaits_.waits_for = std::move(found->waits_for);
        return std::exchange(awaits_, {});
      }
      break;
    case Kind::exact_awaits:
      if (auto found = decoded<model::ExactFound>(body, format_)) {
        found->rows = std::move(exact_.rows);
        found->delays = std::move(exact_.delays);
        return *std::move(found);
      }
      break;
    case Kind::profile:
      if (auto report = decoded<model::ProfileReport>(body, format_)) {
        report->rows = std::move(profile_.rows);
        report->threads = std::move(profile_.threads);
        return *std::move(report);
      }
      break;
    default: break;
  }
  if (good) return std::nullopt;
  return damaged("it contains an invalid record");
}

Result<Record> Reader::next() {
  while (!end_returned_) {
    auto raw = next_raw();
    if (!raw) return std::unexpected(raw.error());
    if (!*raw) {
      end_returned_ = true;
      return End{.cut_off = true};
    }
    auto record = take(**raw);
    if (!record) return std::unexpected(record.error());
    if (*record) return **std::move(record);
  }
  return End{};
}

Result<std::optional<Record>> Reader::take(Raw raw) {
  const auto& body = raw.body;
  switch (raw.kind) {
    case Kind::watching:
      if (auto watching = decoded<model::Watching>(body, format_)) return *std::move(watching);
      break;
    case Kind::stall:
    case Kind::unfinished: {
      std::size_t memory = 0;
      if (auto stall = decoded<model::Stall>(body, format_, &memory)) {
        if (moments_) stall->moments = std::move(moments_->all);
        memory += moments_ ? moments_->memory : 0;
        moments_.reset();
        return RecordedStall{.stall = *std::move(stall), .unfinished = raw.kind == Kind::unfinished, .memory = memory};
      }
      break;
    }
    case Kind::so_far:
    case Kind::summary:
      if (auto summary = decoded<model::Summary>(body, format_)) {
        if (summary_leaks_) {
          summary->leaks = std::move(summary_leaks_->leaks);
          summary->last_leak_scan = summary_leaks_->scan;
          summary_leaks_.reset();
        }
        for (std::size_t i = 0; histograms_ && i < std::min(histograms_->size(), summary->loops.size()); i++)
          summary->loops[i].buckets = std::move((*histograms_)[i]);
        histograms_.reset();
        // Up to format 2 a place had one cause.
        if (format_ < 3)
          for (auto& place : summary->places) place.cause_ns.at(model::index(place.cause)) = place.ns;
        return RecordedSummary{.summary = *std::move(summary), .so_far = raw.kind == Kind::so_far};
      }
      break;
    case Kind::summary_leaks:
      if (auto leaks = decoded<model::ScannedLeaks>(body, format_); leaks && !summary_leaks_) {
        summary_leaks_ = *std::move(leaks);
        return std::nullopt;
      }
      break;
    case Kind::histograms:
      if (auto histograms = decoded<std::vector<std::vector<std::uint32_t>>>(body, format_);
          histograms && !histograms_ &&
          std::ranges::all_of(*histograms, [](const auto& one) { return one.size() <= model::kHistogramBuckets; })) {
        histograms_ = *std::move(histograms);
        return std::nullopt;
      }
      break;
    case Kind::moments: {
      std::size_t memory = 0;
      if (auto moments = decoded<std::vector<model::Moment>>(body, format_, &memory);
          moments && !moments_ && moments->size() <= model::Moments::kMax) {
        moments_ = Moments{.all = *std::move(moments), .memory = memory};
        return std::nullopt;
      }
      break;
    }
    case Kind::leaks:
      if (auto leaks = decoded<model::ScannedLeaks>(body, format_)) return *std::move(leaks);
      break;
    case Kind::hangs:
      if (auto hangs = decoded<model::ScannedHangs>(body, format_)) return *std::move(hangs);
      break;
    case Kind::owner:
      if (auto owner = decoded<Owner>(body, format_)) return *std::move(owner);
      break;
    case Kind::end:
      if (body.empty()) return end();
      break;
    case Kind::head: break;
    default: return run_record(raw);
  }
  return damaged("it contains an invalid record");
}

}  // namespace aiotrace::recording
