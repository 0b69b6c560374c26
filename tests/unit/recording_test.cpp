// Recordings: the read data equals the written data; any manipulation of the file leads to an error, and nothing worse.
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "app/replay.h"
#include "output/json/run.h"
#include "output/text/run.h"
#include "output/trace/folded.h"
#include "recording/reader.h"
#include "recording/wire.h"
#include "recording/writer.h"
#include "tests/catch.h"
#include "tests/unit/output_samples.h"

using namespace aiotrace;

namespace {

struct Directory {
  Directory() {
    if (::mkdtemp(path.data()) == nullptr) FAIL("make a directory");
  }
  ~Directory() { std::filesystem::remove_all(path); }
  [[nodiscard]] std::string file(const std::string& name) const { return path + "/" + name; }
  std::string path = "/tmp/aiotrace-recording-XXXXXX";
};

std::string bytes_of(const std::string& path) {
  std::stringstream all;
  all << std::ifstream(path, std::ios::binary).rdbuf();
  return all.str();
}

void write_bytes(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

recording::Head head() {
  return {.version = "0.1.0",
          .realtime_minus_monotonic_ns = samples::context().realtime_minus_monotonic_ns,
          .utc_offset_s = -5 * 3600};
}

// Every field that a stall can have.
model::Stall full_stall() {
  auto stall = samples::stall();
  stall.id = 8;
  stall.ongoing = true;
  stall.at_least = stall.start_known = true;
  stall.epfd = -1;
  stall.losses = 3;
  stall.callbacks = model::Stall::Callbacks{1200, 340};
  stall.other_threads = {{77, "worker\x1b[2J\xff", samples::handler_stack()}};
  stall.task->name.reset();
  const model::GilHolder who{.tid = 78, .thread = "holder", .stack = samples::handler_stack()};
  stall.segments[0].cause = model::Cause::gil;
  stall.segments[0].culprit = who;
  stall.segments[1].stack = model::Stack{};
  stall.segments[1].stack_unreadable = true;
  return stall;
}

void record(const std::string& path) {
  auto writer = recording::Writer::create(path, head());
  REQUIRE(writer.has_value());
  REQUIRE(writer->watching(samples::watching()).has_value());
  REQUIRE(writer->stall(samples::stall()).has_value());
  REQUIRE(writer->so_far(samples::summary()).has_value());
  REQUIRE(writer->stall(full_stall()).has_value());
  REQUIRE(writer->unfinished(full_stall()).has_value());
  REQUIRE(writer->finish(samples::summary()).has_value());
}

// The contents of a file, as JSON lines after a keyword, and how it ended: "end", "cut off" or the error.
struct ReadBack {
  std::vector<std::string> records;
  std::string ending;
};

ReadBack read_back(const std::string& path) {
  ReadBack result;
  auto reader = recording::Reader::open(path);
  if (!reader) {
    result.ending = reader.error().message();
    return result;
  }
  auto context = samples::context();
  context.realtime_minus_monotonic_ns = reader->head().realtime_minus_monotonic_ns;
  while (true) {
    const auto record = reader->next();
    if (!record) {
      result.ending = record.error().message();
      return result;
    }
    output::StringSink sink;
    output::JsonOutput json(sink, context);
    if (const auto* end = std::get_if<recording::End>(&*record)) {
      result.ending = end->cut_off ? "cut off" : "end";
      return result;
    }
    if (const auto* watching = std::get_if<model::Watching>(&*record)) {
      REQUIRE(json.watching(*watching).has_value());
      result.records.push_back(sink.text());
    } else if (const auto* stall = std::get_if<recording::RecordedStall>(&*record)) {
      REQUIRE(json.stall(stall->stall).has_value());
      result.records.push_back((stall->unfinished ? "unfinished " : "") + sink.text());
    } else if (const auto* summary = std::get_if<recording::RecordedSummary>(&*record)) {
      REQUIRE(json.summary(summary->summary).has_value());
      result.records.push_back((summary->so_far ? "so far " : "") + sink.text());
    }
  }
}

bool is_prefix(const std::vector<std::string>& part, const std::vector<std::string>& whole) {
  return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

void append_u32(std::string& to, std::uint32_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8) to.push_back(static_cast<char>(value >> shift));
}

std::string record_bytes(recording::Kind kind, const std::string& body) {
  std::string bytes(1, static_cast<char>(kind));
  append_u32(bytes, static_cast<std::uint32_t>(body.size()));
  bytes += body;
  append_u32(bytes, static_cast<std::uint32_t>(
                        ::crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size())));
  return bytes;
}

// A recording as a forger would make it: right in form, with any content.
std::string forged(const std::string& unpacked) {
  std::string bytes(recording::kMagic.begin(), recording::kMagic.end());
  append_u32(bytes, recording::kFormat);
  std::string packed(::ZSTD_compressBound(unpacked.size()), '\0');
  packed.resize(::ZSTD_compress(packed.data(), packed.size(), unpacked.data(), unpacked.size(), 3));
  return bytes + packed;
}

std::string forged_head() {
  recording::Encoder encoder;
  encoder.text("0.1.0");
  encoder.number(0);
  encoder.number(0);
  return record_bytes(recording::Kind::head, encoder.bytes());
}

}  // namespace

TEST_CASE("what is recorded is what is read", "[recording]") {
  const Directory directory;
  const auto path = directory.file("r");
  record(path);
  const auto result = read_back(path);
  CHECK(result.ending == "end");
  REQUIRE(result.records.size() == 6);
  output::StringSink sink;
  output::JsonOutput json(sink, samples::context());
  REQUIRE(json.stall(full_stall()).has_value());
  CHECK(result.records[3] == sink.text());
  CHECK(result.records[4] == "unfinished " + sink.text());
  CHECK(result.records[2] == "so far " + result.records[5]);
  const auto reader = recording::Reader::open(path);
  REQUIRE(reader.has_value());
  CHECK(reader->head().utc_offset_s == -5 * 3600);
  CHECK(reader->head().version == "0.1.0");
}

TEST_CASE("what a stall did in the order of time is recorded with its last word", "[recording]") {
  const Directory directory;
  const auto path = directory.file("r");
  auto stall = samples::stall();
  const model::Frame frame{.function = "block", .file = "/srv/app.py", .line = 7};
  const model::Culprit holder = model::GilHolder{.tid = 0, .thread = "holder", .stack = {}};
  model::Moment waited, ran;
  waited.start_ns = 5;
  waited.ns = 9;
  waited.cause = model::Cause::gil;
  waited.syscall = "futex";
  ran.frame = std::make_shared<const model::Frame>(frame);
  ran.culprit = std::make_shared<const model::Culprit>(holder);
  stall.moments = {waited, ran};
  auto ongoing = stall;
  ongoing.ongoing = true;
  {
    auto writer = recording::Writer::create(path, head());
    REQUIRE(writer.has_value());
    for (const auto& one : {ongoing, stall, samples::stall()}) REQUIRE(writer->stall(one).has_value());
    REQUIRE(writer->unfinished(ongoing).has_value());
    REQUIRE(writer->finish(samples::summary()).has_value());
  }
  auto reader = recording::Reader::open(path);
  REQUIRE(reader.has_value());
  for (const std::size_t count : {0, 2, 0, 2}) {
    const auto record = reader->next();
    REQUIRE(record.has_value());
    const auto* recorded = std::get_if<recording::RecordedStall>(&*record);
    REQUIRE(recorded != nullptr);
    const auto& moments = recorded->stall.moments;
    REQUIRE(moments.size() == count);
    if (count == 0) continue;
    CHECK(moments[0].start_ns == 5);
    CHECK(moments[0].ns == 9);
    CHECK(moments[0].cause == model::Cause::gil);
    CHECK(moments[0].syscall == "futex");
    CHECK(moments[0].frame == nullptr);
    REQUIRE(moments[1].frame != nullptr);
    CHECK(*moments[1].frame == frame);
    REQUIRE(moments[1].culprit != nullptr);
    CHECK(*moments[1].culprit == holder);
  }
}

TEST_CASE("a recording of an old format shows what the golden files show", "[recording]") {
  const auto path = (std::filesystem::path(__FILE__).parent_path().parent_path() / "golden" / "run.aiorec").string();
  // This file must not change: format 2 must remain readable.
  REQUIRE(bytes_of(path).substr(recording::kMagic.size(), 4) == std::string("\2\0\0\0", 4));
  auto reader = recording::Reader::open(path);
  REQUIRE(reader.has_value());
  auto context = samples::context();
  context.realtime_minus_monotonic_ns = reader->head().realtime_minus_monotonic_ns;
  output::StringSink sink;
  output::JsonOutput json(sink, context);
  const auto replayed = app::replay(
      *reader, reader->next(), path, {},
      {.watching = [&](const model::Watching& watching) { REQUIRE(json.watching(watching).has_value()); },
       .stall = [&](const model::Stall& stall) { REQUIRE(json.stall(stall).has_value()); },
       .unfinished = {}});
  REQUIRE(replayed.has_value());
  CHECK_FALSE(replayed->incomplete.has_value());
  REQUIRE(json.summary(replayed->summary).has_value());
  samples::check_golden("run.json", sink.text());
}

TEST_CASE("a file cut at any byte gives everything up to there", "[recording]") {
  const Directory directory;
  record(directory.file("r"));
  const auto whole = bytes_of(directory.file("r"));
  const auto all = read_back(directory.file("r")).records;
  const auto path = directory.file("cut");
  std::size_t most = 0;
  for (std::size_t size = 0; size < whole.size(); size++) {
    write_bytes(path, whole.substr(0, size));
    const auto result = read_back(path);
    INFO("cut at " << size << " of " << whole.size() << ": " << result.ending);
    REQUIRE(is_prefix(result.records, all));
    REQUIRE(result.records.size() >= most);
    most = result.records.size();
    if (result.records.empty()) {
      REQUIRE((result.ending == "cut off" || result.ending.find("cut off") != std::string::npos ||
               result.ending.find("is empty") != std::string::npos));
    } else {
      REQUIRE(result.ending == "cut off");
    }
  }
  // Flushed behind every record: the last bytes are those of the end only.
  CHECK(most == all.size());
}

TEST_CASE("a file with any bit turned is an error or gives the same", "[recording]") {
  const Directory directory;
  record(directory.file("r"));
  const auto whole = bytes_of(directory.file("r"));
  const auto all = read_back(directory.file("r")).records;
  const auto path = directory.file("flipped");
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < whole.size() * 8; bit++) {
    auto bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
    write_bytes(path, bytes);
    const auto result = read_back(path);
    INFO("bit " << bit << " of " << whole.size() * 8 << ": " << result.ending);
    REQUIRE(is_prefix(result.records, all));
    REQUIRE(result.ending.find('\n') == std::string::npos);
    if (result.ending == "end") REQUIRE(result.records == all);
    refused += result.ending != "end" ? 1 : 0;
  }
  // Bits that can be changed without an error have no meaning: the size of the window, padding.
  CHECK(refused > whole.size() * 8 - 64);
}

TEST_CASE("what is no recording of this version is named", "[recording]") {
  const Directory directory;
  const auto path = directory.file("r");
  const auto ending = [&](const std::string& bytes) {
    write_bytes(path, bytes);
    return read_back(path).ending;
  };
  using Catch::Matchers::ContainsSubstring;
  CHECK_THAT(ending(""), ContainsSubstring("the file is empty"));
  CHECK_THAT(ending("{\"type\":\"watching\"}\n"), ContainsSubstring("is no recording of aiotrace"));
  std::string newer(recording::kMagic.begin(), recording::kMagic.end());
  append_u32(newer, 99);
  CHECK_THAT(ending(newer), ContainsSubstring("in format 99 of a newer aiotrace"));
  CHECK_THAT(read_back(directory.path).ending, ContainsSubstring("Is a directory"));
  CHECK_THAT(read_back(directory.file("none")).ending, ContainsSubstring("No such file"));
  write_bytes(path, newer);
  CHECK(recording::Reader::open(path).error().kind == ErrorKind::unsupported);
}

TEST_CASE("a forged recording costs little and gives nothing", "[recording]") {
  const Directory directory;
  const auto path = directory.file("r");
  using Catch::Matchers::ContainsSubstring;
  const auto ending = [&](const std::string& records) {
    write_bytes(path, forged(forged_head() + records));
    const auto result = read_back(path);
    CHECK(result.records.empty());
    return result.ending;
  };
  // A list that claims more than its body holds, and one whose values take more memory than is granted.
  recording::Encoder claims;
  for (int i = 0; i < 4; i++) claims.text("");
  claims.number(~std::uint64_t{0});
  CHECK_THAT(ending(record_bytes(recording::Kind::watching, claims.bytes())), ContainsSubstring("invalid record"));
  // 16 MB of empty targets would become a gigabyte.
  recording::Encoder many;
  many.number(1);
  many.text("v");
  many.text("k");
  many.number(1);
  many.number(2);
  many.number(14'000'000 / 4);
  CHECK_THAT(ending(record_bytes(recording::Kind::watching, many.bytes() + std::string(14'000'000, '\0'))),
             ContainsSubstring("invalid record"));
  CHECK_THAT(ending(std::string(100, '\0')), ContainsSubstring("invalid record"));
  // An enumeration beyond its last value, bytes behind a body, a second head.
  recording::Encoder loop;
  CHECK_THAT(ending(record_bytes(recording::Kind::summary, std::string(3, '\xff'))),
             ContainsSubstring("invalid record"));
  CHECK_THAT(ending(record_bytes(recording::Kind::end, "x")), ContainsSubstring("invalid record"));
  CHECK_THAT(ending(forged_head()), ContainsSubstring("invalid record"));
  // Records behind the end, and a frame that ends without one.
  CHECK_THAT(ending(record_bytes(recording::Kind::end, "") + "x"), ContainsSubstring("after its end"));
  CHECK_THAT(ending(""), ContainsSubstring("without an end"));
}

TEST_CASE("a recording that unpacks to thousands of times its size is refused", "[recording]") {
  const Directory directory;
  // Valid records, as small when packed as zstd makes them.
  recording::Encoder body;
  body.number(1);
  body.text(std::string(15'000'000, 'a'));
  body.text("");
  for (int i = 0; i < 5; i++) body.number(0);
  std::string records = forged_head();
  for (int i = 0; i < 8; i++) records += record_bytes(recording::Kind::watching, body.bytes());
  write_bytes(directory.file("r"), forged(records));
  auto reader = recording::Reader::open(directory.file("r"));
  REQUIRE(reader.has_value());
  std::string ending;
  std::size_t read = 0;
  while (ending.empty()) {
    const auto record = reader->next();
    if (!record) {
      ending = record.error().message();
    } else {
      REQUIRE_FALSE(std::holds_alternative<recording::End>(*record));
      read++;
    }
  }
  CHECK_THAT(ending, Catch::Matchers::ContainsSubstring("unpacks to more"));
  CHECK(read <= 6);
}

TEST_CASE("a record that is too large is left out, the others are kept", "[recording]") {
  const Directory directory;
  auto writer = recording::Writer::create(directory.file("r"), head());
  REQUIRE(writer.has_value());
  auto stall = samples::stall();
  stall.thread.assign(17u << 20, 'x');
  const auto status = writer->stall(stall);
  REQUIRE_FALSE(status.has_value());
  CHECK_THAT(status.error().message(), Catch::Matchers::ContainsSubstring("too large"));
  REQUIRE(writer->stall(samples::stall()).has_value());
  REQUIRE(writer->finish(samples::summary()).has_value());
  CHECK(read_back(directory.file("r")).records.size() == 2);
}

TEST_CASE("a full disk is reported once and ends the recording", "[recording]") {
  const auto writer = recording::Writer::create("/dev/full", head());
  REQUIRE_FALSE(writer.has_value());
  CHECK_THAT(writer.error().message(), Catch::Matchers::ContainsSubstring("No space left on device"));
}

TEST_CASE("a recording with higher thresholds adds up anew", "[recording]") {
  const Directory directory;
  const auto path = directory.file("r");
  auto writer = recording::Writer::create(path, head());
  REQUIRE(writer.has_value());
  REQUIRE(writer->watching(samples::watching()).has_value());
  auto small = samples::stall();
  small.id = 1;
  small.duration_ns = small.cause_ns[model::index(model::Cause::network)] = 60 * samples::kMs;
  small.cause_ns[model::index(model::Cause::python)] = small.cause_ns[model::index(model::Cause::cpu_wait)] = 0;
  small.segments.resize(1);
  small.segments[0].ns = small.duration_ns;
  REQUIRE(writer->stall(small).has_value());
  REQUIRE(writer->stall(samples::stall()).has_value());
  REQUIRE(writer->finish(samples::summary()).has_value());
  const auto replayed = [&](const app::Thresholds& thresholds) {
    auto reader = recording::Reader::open(path);
    REQUIRE(reader.has_value());
    return app::replay(*reader, reader->next(), path, thresholds, {});
  };
  const auto higher = replayed({.warn_ns = 100 * samples::kMs, .error_ns = 500 * samples::kMs});
  REQUIRE(higher.has_value());
  CHECK(higher->summary.stalls == 1);
  CHECK(higher->summary.errors == 0);
  CHECK(higher->summary.warn_ns == 100 * samples::kMs);
  CHECK(higher->summary.cause_ns == samples::stall().cause_ns);
  CHECK(higher->summary.loops[1].stalls == 1);
  CHECK(higher->summary.loops[1].iterations == 182'331);
  CHECK(replayed({})->summary.stalls == 12);
  const auto lower = replayed({.warn_ns = 10 * samples::kMs, .error_ns = {}});
  REQUIRE_FALSE(lower.has_value());
  CHECK(lower.error().kind == ErrorKind::usage);

  // Cut off: the remaining part is added up.
  auto bytes = bytes_of(path);
  write_bytes(path, bytes.substr(0, bytes.size() - 30));
  const auto cut = replayed({});
  REQUIRE(cut.has_value());
  REQUIRE(cut->incomplete.has_value());
  CHECK_THAT(cut->incomplete->message(), Catch::Matchers::ContainsSubstring("its end is missing"));
  CHECK(cut->summary.stalls == 2);
}

TEST_CASE("local times are those of where it was recorded", "[recording]") {
  auto context = samples::context();
  context.utc_offset_s = -5 * 3600 - 1800;
  CHECK(output::local_time(1'000'000 * samples::kMs, context) == "06:33:22.123");
}
