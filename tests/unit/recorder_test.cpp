// The flight recorder's ring: its content can be read whatever happened to the daemon, and it stays within its limits.
#include "app/daemon/recorder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "app/recorder_files.h"
#include "folder.h"
#include "tests/catch.h"
#include "util/clock.h"

using namespace aiotrace;
using app::open_recorder_files;
using app::read_recorder_files;
using app::Recorder;
using app::RingContent;

namespace {

constexpr std::uint64_t kS = 1'000'000'000;

model::Watching watching() {
  model::Watching made;
  made.version = "1";
  made.warn_ns = 50'000'000;
  made.error_ns = 200'000'000;
  return made;
}

proc::Service service(const std::string& name) { return {.name = name, .container_id = "c" + name}; }

model::Stall stall(std::uint64_t id, std::uint32_t pid, std::uint64_t ago_ns = 0) {
  model::Stall made;
  made.id = id;
  made.duration_ns = kS / 10;
  made.start_ns = monotonic_ns() - ago_ns - made.duration_ns;
  made.pid = made.tid = pid;
  return made;
}

/// Its text cannot be compressed much.
model::Stall large_stall(std::uint64_t id, std::uint32_t pid) {
  auto made = stall(id, pid);
  std::uint64_t random = id + 1;
  for (int i = 0; i < 100; ++i) {
    std::string text;
    for (int j = 0; j < 100; ++j) text += static_cast<char>('0' + (random = random * 6364136223846793005ULL + 1) % 75);
    made.segments.push_back({});
    made.segments.back().syscall = text;
  }
  return made;
}

std::unique_ptr<Recorder> opened(const std::string& directory, std::uint64_t max_bytes = 256'000'000) {
  fleet::RecorderConfig config;
  config.directory = directory;
  config.max_bytes = max_bytes;
  auto made = Recorder::open(config, watching());
  if (!made) FAIL(made.error().message());
  return std::move(*made);
}

RingContent content(const std::string& directory, const std::optional<std::string>& of_service = {},
                    std::uint64_t last_ns = 3600 * kS) {
  auto files = open_recorder_files(directory);
  REQUIRE(files);
  const auto since = static_cast<std::int64_t>(clock_ns(CLOCK_REALTIME) - last_ns);
  return read_recorder_files(std::move(*files), {.since_ns = since, .service = of_service});
}

std::uint64_t size_of(const std::string& directory) {
  std::uint64_t sum = 0;
  for (const auto& each : std::filesystem::directory_iterator(directory)) sum += each.file_size();
  return sum;
}

}  // namespace

TEST_CASE("recorder: stalls are there at once, by service and time, also in a file that has no end", "[recorder]") {
  const testing::Folder folder;
  const auto directory = folder / "state";
  const auto recorder = opened(directory);
  recorder->add(service("web"), stall(1, 10, 600 * kS), false);
  recorder->add(service("web"), stall(2, 10), false);
  recorder->add(service("db"), stall(3, 11), false);
  auto found = content(directory);
  CHECK(found.damaged.empty());
  REQUIRE(found.stalls.size() == 3);
  CHECK(found.stalls[0].stall.id == 1);
  CHECK(found.warn_ns == 50'000'000);
  CHECK(content(directory, "web").stalls.size() == 2);
  CHECK(content(directory, "other").stalls.empty());
  REQUIRE(content(directory, "web", 300 * kS).stalls.size() == 1);
  CHECK(content(directory, "web", 300 * kS).stalls[0].stall.id == 2);
  CHECK(recorder->dropped()[0].count == 0);
  CHECK(recorder->bytes() == size_of(directory));
}

TEST_CASE("recorder: a stall that goes on is there once, as it was reported last", "[recorder]") {
  const testing::Folder folder;
  const auto directory = folder / "state";
  const auto recorder = opened(directory);
  auto hanging = stall(7, 10);
  hanging.ongoing = true;
  recorder->add(service("web"), hanging, false);
  hanging.duration_ns *= 2;
  recorder->add(service("web"), hanging, false);
  auto found = content(directory);
  REQUIRE(found.stalls.size() == 1);
  CHECK(found.stalls[0].stall.ongoing);
  CHECK(found.stalls[0].stall.duration_ns == hanging.duration_ns);
  hanging.ongoing = false;
  hanging.duration_ns *= 2;
  recorder->add(service("web"), hanging, false);
  found = content(directory);
  REQUIRE(found.stalls.size() == 1);
  CHECK_FALSE(found.stalls[0].stall.ongoing);
}

TEST_CASE("recorder: the next daemon goes on beside what the last one left, whatever its end", "[recorder]") {
  const testing::Folder folder;
  const auto directory = folder / "state";
  for (std::uint64_t run = 1; run <= 3; ++run) {
    const auto recorder = opened(directory);
    recorder->add(service("web"), stall(1, 10), false);
    if (run == 2) recorder->finish(monotonic_ns());
  }
  // Ids start again in each run.
  CHECK(content(directory).stalls.size() == 3);

  // The machine's end may leave half a record.
  const auto last = directory + "/" + app::recorder_file_name(2);
  std::filesystem::resize_file(last, std::filesystem::file_size(last) - 5);
  const auto cut = content(directory);
  CHECK(cut.stalls.size() == 2);
  CHECK(cut.damaged.empty());
  std::ofstream(last, std::ios::binary) << "no recording";
  const auto damaged = content(directory);
  CHECK(damaged.stalls.size() == 2);
  CHECK(damaged.damaged.size() == 1);
}

TEST_CASE("recorder: the ring stays within its bounds, and the newest are in it", "[recorder]") {
  const testing::Folder folder;
  const auto directory = folder / "state";
  constexpr std::uint64_t kMost = 800'000;
  const auto recorder = opened(directory, kMost);
  for (std::uint64_t id = 1; id <= 300; ++id) recorder->add(service("web"), large_stall(id, 10), false);
  // A file may be one stall larger than its share.
  CHECK(recorder->bytes() <= kMost + Recorder::kFiles * 12'000);
  CHECK(recorder->bytes() == size_of(directory));
  CHECK(recorder->bytes() > kMost / 2);
  const auto found = content(directory, "web");
  REQUIRE(found.stalls.size() > 20);
  CHECK(found.stalls.size() < 300);
  CHECK(found.stalls.back().stall.id == 300);
  CHECK(found.stalls.front().stall.id == 300 - found.stalls.size() + 1);
}

TEST_CASE("recorder: a directory that others can write to, a link, and a second daemon are refused", "[recorder]") {
  const testing::Folder folder;
  const auto directory = folder / "state";
  fleet::RecorderConfig config;
  config.directory = directory;
  {
    const auto first = opened(directory);
    const auto second = Recorder::open(config, watching());
    REQUIRE_FALSE(second);
    CHECK(second.error().message().find("another aiotrace serve") != std::string::npos);
  }
  std::filesystem::permissions(directory, std::filesystem::perms::all);
  CHECK_FALSE(Recorder::open(config, watching()));
  std::filesystem::permissions(directory, std::filesystem::perms::owner_all);
  const auto file = directory + "/" + app::recorder_file_name(0);
  std::ofstream(folder / "precious") << "precious";
  std::filesystem::remove(file);
  std::filesystem::create_symlink(folder / "precious", file);
  CHECK_FALSE(Recorder::open(config, watching()));
  std::filesystem::remove(file);
  std::filesystem::create_hard_link(folder / "precious", file);
  CHECK_FALSE(Recorder::open(config, watching()));
  CHECK(std::filesystem::file_size(folder / "precious") == 8);
  config.directory = folder / "no/such";
  CHECK_FALSE(Recorder::open(config, watching()));
}
