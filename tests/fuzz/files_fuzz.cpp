// Files and texts: ELF images, maps, the maps of JIT compilers, recordings, names on their way to a terminal.
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cstring>
#include <fstream>
#include <iterator>

#include "output/json/leaks.h"
#include "output/json/profile.h"
#include "output/json/values.h"
#include "output/labels.h"
#include "output/page/awaits.h"
#include "output/page/comparison.h"
#include "output/page/stalls.h"
#include "output/text/awaits.h"
#include "output/text/exact_awaits.h"
#include "output/text/leaks.h"
#include "output/text/profile.h"
#include "output/trace/perfetto_stalls.h"
#include "output/trace/stack_formats.h"
#include "proc/elf_image.h"
#include "proc/file_budget.h"
#include "proc/process.h"
#include "proc/resident.h"
#include "recording/reader.h"
#include "symbolize/cfi.h"
#include "symbolize/code_file.h"
#include "symbolize/debug_file.h"
#include "symbolize/debug_frame.h"
#include "symbolize/demangle.h"
#include "symbolize/perf_map.h"
#include "tests/fuzz/target.h"
#include "tests/support/sanitizers.h"
#include "util/duration.h"
#include "util/text.h"

namespace aiotrace::fuzz {
namespace {

std::string content(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A file that only this process has, with a path to open it.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    require(fd_ && ::write(fd_.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
            "a file to read");
  }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_.get()); }
  void write(std::uint64_t at, std::string_view bytes) const {
    const auto written = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    require(written == static_cast<ssize_t>(bytes.size()), "a file to read");
  }
  void grow(std::uint64_t size) const {
    if (size > this->size()) require(::ftruncate(fd_.get(), static_cast<off_t>(size)) == 0, "a large file to read");
  }
  [[nodiscard]] std::uint64_t size() const {
    struct stat status{};
    return ::fstat(fd_.get(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
  }

 private:
  UniqueFd fd_;
};

// ---- ELF

void step_through(symbolize::CodeFile& file, std::uint64_t address) {
  use(file.name(address));
  symbolize::Registers registers{};
  for (std::size_t i = 0; i < 4; ++i) {
    auto* rules = file.rules(address + i * 16);
    if (rules == nullptr) continue;
    use(symbolize::step(rules, registers, 0, [](std::uint64_t at) { return std::optional(at * 3); }));
  }
  std::array<std::byte, 64> bytes{};
  use(file.read(address, bytes));
}

/// Runs everything that is made from a file of `size` bytes.
void read_elf(const std::string& path, std::uint64_t size, std::uint64_t address) {
  auto image = proc::ElfImage::open_file(path);
  if (!image) return;
  static constexpr std::array<std::string_view, 3> kNames = {"__vdso_gettimeofday", "_PyRuntime", "main"};
  use(image->symbols(kNames));
  for (const auto* section : {".PyRuntime", ".text", ".gnu_debugdata", ".eh_frame"}) {
    if (const auto found = image->section(section)) use(image->file_bytes(found->offset, 4096));
  }
  require(image->soname().size() <= size, "a SONAME lies in the file");
  require(image->build_id().size() <= 2 * size, "a build-id lies in the file");
  const auto offset = image->file_offset(address);
  require(!offset || *offset < size, "a file offset lies in the file");
  const auto maps = proc::Maps::parse("400000-500000 r-xp 00000000 08:01 7 /x\n");
  use(image->bias(maps, maps.all().front()));
  use(symbolize::mini_debug_info(*image).has_value());
  use(symbolize::debug_frame_only(*image).bytes);
  use(symbolize::eh_frame_only(*image).bytes);
  if (const auto code = symbolize::CodeFile::from_image(std::move(*image), 0)) step_through(*code, address);
}

void fuzz_elf(Bytes bytes) {
  Input input(bytes);
  const std::uint64_t address = input.number(3);
  const auto rest = input.rest();
  const MemoryFile file(text_of(rest));
  read_elf(file.path(), rest.size(), address);
  const auto raw = std::as_bytes(rest);
  std::vector<std::byte> copy(raw.begin(), raw.end());
  if (const auto code = symbolize::CodeFile::from_memory(std::move(copy))) step_through(*code, address);
}

/// A file takes 64 MiB at most, and 64 MiB more while it is read: beyond that allocations fail, which ends the program.
/// Not with the sanitizer, which keeps freed memory (256 MiB) and aborts when an allocation fails.
void limit_memory_once() {
  static const bool limited = [] {
    if (testing::kSanitized) return false;
    constexpr std::uint64_t kPages = 4096;
    std::ifstream statm("/proc/self/statm");
    std::uint64_t fields[6]{};
    for (auto& field : fields) statm >> field;
    rlimit limit{};
    if (::getrlimit(RLIMIT_DATA, &limit) != 0) return false;
    limit.rlim_cur = fields[5] * kPages + (std::uint64_t{128} << 20);
    return ::setrlimit(RLIMIT_DATA, &limit) == 0;
  }();
  use(limited);
}

/// The same as a sparse file: its size, then pieces, each with its place and length, then the file's beginning.
void fuzz_sparse_elf(Bytes bytes) {
  constexpr std::uint64_t kMostOfFile = std::uint64_t{1} << 40;
  limit_memory_once();
  Input input(bytes);
  const std::uint64_t address = input.number(3);
  const auto size = input.number(5) % kMostOfFile;
  const std::size_t pieces = input.byte() % 8;
  MemoryFile file("");
  for (std::size_t i = 0; i < pieces; ++i) {
    const auto at = input.number(5) % kMostOfFile;
    file.write(at, text_of(input.take(input.number(2))));
  }
  file.write(0, text_of(input.rest()));
  file.grow(size);
  const auto held = proc::FileBudget::of_program().held();
  read_elf(file.path(), file.size(), address);
  require(proc::FileBudget::of_program().held() == held, "what was taken for a file is given back");
}

// The kernel's vdso: a whole small ELF file that every process has.
std::vector<std::string> elf_seeds() {
  const auto* vdso = reinterpret_cast<const char*>(::getauxval(AT_SYSINFO_EHDR));
  std::vector<std::string> seeds;
  if (vdso != nullptr) seeds.push_back(std::string("\x00\x0a\x00", 3) + std::string(vdso, 8192));
  const auto crt = content("/usr/lib/x86_64-linux-gnu/crt1.o");
  if (!crt.empty()) seeds.push_back(std::string("\x10\x00\x00", 3) + crt);
  return seeds;
}

const Registration elf({.name = "elf", .run = fuzz_elf, .seeds = elf_seeds});

// The same files, 4 GiB large.
std::vector<std::string> sparse_elf_seeds() {
  std::vector<std::string> seeds;
  for (const auto& each : elf_seeds()) {
    const std::string size("\0\0\0\0\1", 5);
    seeds.push_back(each.substr(0, 3) + size + '\0' + each.substr(3));
    seeds.push_back(each.substr(0, 3) + size + '\1' + std::string("\0\0\0\0\1", 5) + std::string("\x10\0", 2) +
                    std::string(16, 'x') + each.substr(3));
  }
  return seeds;
}

const Registration sparse_elf({.name = "elf-sparse", .run = fuzz_sparse_elf, .seeds = sparse_elf_seeds});

// ---- Maps

void fuzz_maps(Bytes bytes) {
  const auto maps = proc::Maps::parse(text_of(bytes));
  std::uint64_t behind = 0;
  for (const auto& mapping : maps.all()) {
    require(mapping.start >= behind && mapping.start < mapping.end, "mappings are sorted and do not overlap");
    behind = mapping.end;
    require(maps.find(mapping.start) == &mapping && maps.find(mapping.end - 1) == &mapping, "a mapping is found");
    use(mapping.file_name());
  }
  use(proc::heap_mappings(maps));
  use(proc::parse_stat(text_of(bytes)));
  use(proc::last_id(text_of(bytes), "NSpid"));
}

std::vector<std::string> maps_seeds() {
  return {content("/proc/self/maps"), content("/proc/self/stat"), content("/proc/self/status"),
          "1000-2000 rw-p 00000000 00:00 0 [heap]\n2000-3000 r--p 0 08:01 7 /a b (deleted)\n"};
}

const Registration maps({.name = "maps", .run = fuzz_maps, .seeds = maps_seeds});

// ---- Maps of JIT compilers

void fuzz_perf_map(Bytes bytes) {
  Input input(bytes);
  const auto address = input.number(8);
  symbolize::PerfMapText map;
  auto text = text_of(input.rest());
  // Simulates a growing file: data that was not taken is passed again.
  for (std::size_t end = text.size() / 2;; end = text.size()) {
    const auto taken = map.add(text.substr(0, end));
    require(taken <= end, "no more is taken than there was");
    text.remove_prefix(taken);
    if (const auto hit = map.find(address)) {
      require(hit->start <= address && hit->name.size() <= symbolize::PerfMapText::kMaxName,
              "a hit covers the address");
      require(valid_utf8(hit->name) == hit->name, "names are UTF-8");
    }
    if (end >= text.size() || taken == 0) break;
  }
  use(map.find(0));
  use(map.find(~std::uint64_t{0}));
  use(symbolize::plain_name(std::string(text_of(bytes))));
}

std::vector<std::string> perf_map_seeds() {
  return {std::string("\x10\x20\0\0\0\0\0\0", 8) + "2000 20 py::f:/a.py\n2010 8 _ZN3foo3barEv\n1fff 100 x\n",
          std::string(8, '\xff') + "ffffffffffffffff 1 a\nfffffffffffffff0 20 b\n"};
}

const Registration perf_map({.name = "perf-map", .run = fuzz_perf_map, .seeds = perf_map_seeds});

// ---- Recordings

constexpr std::size_t kMostOfPage = std::size_t{1} << 20;

// The work of `aiotrace report` for runs without stalls.
void use_run(const recording::Record& record) {
  const output::OutputContext context;
  if (const auto* scanned = std::get_if<model::ScannedLeaks>(&record)) {
    use(output::leak_scan_lines(scanned->scan, scanned->leaks, true, context));
    for (const auto& leak : scanned->leaks) use(output::leak_json(leak));
  } else if (const auto* end = std::get_if<model::LeaksEnd>(&record)) {
    use(output::leak_summary_json(end->summary, end->time_ns, context));
  } else if (const auto* awaits = std::get_if<model::AwaitsFound>(&record)) {
    use(output::awaits_text(awaits->rows, 0, awaits->summary, context));
    if (awaits->stacks) use(output::awaits_page("p", awaits->rows, *awaits->stacks, awaits->summary, context));
  } else if (const auto* exact = std::get_if<model::ExactFound>(&record)) {
    use(output::exact_awaits_text(exact->rows, exact->delays, 0, exact->summary, context));
  } else if (const auto* profile = std::get_if<model::ProfileReport>(&record)) {
    use(output::profile_text(*profile, 0, context));
    for (const auto& row : profile->rows) use(output::profile_row_json(row));
    use(output::profile_summary_json(*profile, context));
  }
}

// The work of `aiotrace report`: every file for viewers.
void read_recording(std::string_view bytes) {
  const MemoryFile file(bytes);
  auto reader = recording::Reader::open(file.path());
  if (!reader) return;
  model::Watching watching;
  model::Summary summary;
  model::StallLog log;
  model::WeightedStacks stacks("stalled", "segments", model::WeightedStacks::Unit::nanoseconds);
  while (true) {
    const auto record = reader->next();
    if (!record || std::holds_alternative<recording::End>(*record)) break;
    if (const auto* found = std::get_if<model::Watching>(&*record)) watching = *found;
    if (const auto* found = std::get_if<recording::RecordedSummary>(&*record)) summary = found->summary;
    use_run(*record);
    const auto* found = std::get_if<recording::RecordedStall>(&*record);
    if (found == nullptr || (found->stall.ongoing && !found->unfinished)) continue;
    log.add(found->stall);
    model::add_stall(stacks, found->stall);
  }
  output::OutputContext context;
  context.realtime_minus_monotonic_ns = reader->head().realtime_minus_monotonic_ns;
  context.utc_offset_s = reader->head().utc_offset_s;
  const output::Report report{watching, summary, log, stacks, context};
  require(output::html_page(report).size() <= kMostOfPage, "a page has a bound");
  // Compared with an empty run, both ways round.
  const model::WeightedStacks none("stalled", "segments", model::WeightedStacks::Unit::nanoseconds);
  const auto gone = model::compare_stacks(stacks, summary.elapsed_ns, none, 1);
  const auto came = model::compare_stacks(none, 1, stacks, summary.elapsed_ns);
  require(output::comparison_page(model::compare(summary, {}), gone, "a", "b").size() <= kMostOfPage,
          "a page of what is gone has a bound");
  require(output::comparison_page(model::compare({}, summary), came, "a", "b").size() <= kMostOfPage,
          "a page of what came has a bound");
  use(output::perfetto_trace(report));
  for (const auto& format : output::kStackFormatTable) {
    use(format
            .bytes(stacks, {.title = output::targets_label(watching),
                            .exporter = watching.version,
                            .start_unix_ns = report.start_unix_ns(),
                            .duration_ns = summary.elapsed_ns})
            .has_value());
  }
}

/// Unchanged, and as the records in a whole file: the compressor detects a damaged frame, our code has to handle its
/// content.
void fuzz_recording(Bytes bytes) {
  Input input(bytes);
  if (input.byte() % 2 == 0) {
    read_recording(text_of(input.rest()));
    return;
  }
  const std::uint32_t format = input.byte() % recording::kFormat + 1;
  std::string records;
  while (!input.empty()) {
    const auto kind = static_cast<char>(input.byte());
    const auto body = input.take(input.number(2));
    const auto begin = records.size();
    const auto size = static_cast<std::uint32_t>(body.size());
    records.append(1, kind).append(reinterpret_cast<const char*>(&size), 4).append(text_of(body));
    const auto* from = reinterpret_cast<const unsigned char*>(records.data() + begin);
    const auto sum = static_cast<std::uint32_t>(::crc32_z(0, from, records.size() - begin));
    records.append(reinterpret_cast<const char*>(&sum), 4);
  }
  std::string file(recording::kMagic.begin(), recording::kMagic.end());
  file.append(reinterpret_cast<const char*>(&format), 4);
  const auto before = file.size();
  file.resize(before + ::ZSTD_compressBound(records.size()));
  const auto packed = ::ZSTD_compress(file.data() + before, file.size() - before, records.data(), records.size(), 1);
  require(::ZSTD_isError(packed) == 0, "it can be packed");
  file.resize(before + packed);
  read_recording(file);
}

std::vector<std::string> recording_seeds() {
  const auto golden = content("tests/golden/run.aiorec");
  std::vector<std::string> seeds{std::string("\0", 1) + golden};
  // The same again as records, so that mutations change the content.
  if (golden.size() <= recording::kStart) return seeds;
  std::string plain(std::size_t{4} << 20, '\0');
  auto* context = ::ZSTD_createDCtx();
  ZSTD_inBuffer in{golden.data() + recording::kStart, golden.size() - recording::kStart, 0};
  ZSTD_outBuffer out{plain.data(), plain.size(), 0};
  while (in.pos < in.size && ::ZSTD_isError(::ZSTD_decompressStream(context, &out, &in)) == 0) {
  }
  ::ZSTD_freeDCtx(context);
  std::string records = "\x01\x01";
  for (std::size_t at = 0; at + 9 <= out.pos;) {
    std::uint32_t size = 0;
    std::memcpy(&size, plain.data() + at + 1, 4);
    const auto length = static_cast<std::uint16_t>(size);
    if (size > 0xffff || at + 9 + size > out.pos) break;
    // The records that format 2 has before a stall and a summary: one wait, the histogram of one loop.
    const auto kind = static_cast<recording::Kind>(plain[at]);
    if (kind == recording::Kind::stall) records.append("\x0a\x07\x00\x01\x05\x09\x00\x00\x00\x00", 10);
    if (kind == recording::Kind::summary) records.append("\x0b\x04\x00\x01\x02\x01\x01", 7);
    records.append(plain, at, 1).append(reinterpret_cast<const char*>(&length), 2).append(plain, at + 5, size);
    at += 9 + size;
  }
  seeds.push_back(records);
  return seeds;
}

const Registration recording({.name = "recording", .run = fuzz_recording, .seeds = recording_seeds});

// ---- Text

void fuzz_text(Bytes bytes) {
  Input input(bytes);
  const std::size_t columns = input.byte();
  const unsigned width = 1U << (input.byte() % 3);
  const auto raw = input.rest();
  const auto clean = clean_for_terminal(text_of(raw));
  for (std::string_view left = clean; !left.empty();) require(!is_unsafe(next_code_point(left)), "clean text is clean");
  require(valid_utf8(clean) == clean, "clean text is UTF-8");
  require(display_width(shorten_left(clean, columns)) <= columns, "shortened on the left it fits");
  require(display_width(shorten_right(clean, columns)) <= columns, "shortened on the right it fits");
  use(pad_left(clean, columns));
  const auto decoded = utf8_from_cpython(std::as_bytes(raw), width);
  require(valid_utf8(decoded) == decoded, "decoded text is UTF-8");
  const auto line = output::line_of(output::Json(decoded));
  for (std::string_view left = line; !left.empty();) require(!is_unsafe(next_code_point(left)), "JSON is clean");
  require(output::Json::parse(line) == output::Json(decoded), "JSON says what it was given");
  use(parse_duration(text_of(raw)));
}

std::vector<std::string> text_seeds() {
  return {"\x20\x01plain/path/to/app.py", "\x05\x01\xf0\x9f\x90\x8d\xe2\x80\xae\x1b[31m\x9b\xff",
          "\x01\x02\x40\xd8\x00\xdc",
          "\x08\x01"
          "1h30m",
          "\x08\x01"
          "1.5ms"};
}

const Registration text({.name = "text", .run = fuzz_text, .seeds = text_seeds});

}  // namespace
}  // namespace aiotrace::fuzz
