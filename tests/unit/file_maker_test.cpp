// Recordings that a child process creates.
#include "app/file_maker.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "tests/catch.h"
#include "tests/unit/folder.h"
#include "util/caller.h"

using namespace aiotrace;

namespace {

/// Started with `folder` as its working directory; this program's own one is not changed.
Result<app::FileMaker> start_in(const std::string& folder) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder);
  auto maker = app::FileMaker::start();
  std::filesystem::current_path(before);
  return maker;
}

}  // namespace

TEST_CASE("each recording is a new file for the caller alone, in the directory where it was started", "[top]") {
  const testing::Folder folder;
  auto maker = start_in(folder / "");
  REQUIRE(maker);
  std::set<std::string> names;
  for (int i = 0; i < 5; ++i) {  // some of them in the same second
    const auto made = maker->make();
    REQUIRE(made);
    CHECK(names.insert(made->name).second);
    CHECK(made->name.starts_with("aiotrace-"));
    CHECK(made->name.ends_with(".aiorec"));
    struct stat there{};
    struct stat opened{};
    REQUIRE(::stat((folder / made->name).c_str(), &there) == 0);
    REQUIRE(::fstat(made->file.get(), &opened) == 0);
    CHECK(there.st_ino == opened.st_ino);
    CHECK((there.st_mode & 0777U) == 0600U);
    CHECK(::write(made->file.get(), "x", 1) == 1);
  }
}

TEST_CASE("a recording that cannot be created has its reason", "[top]") {
  const testing::Folder folder;
  std::filesystem::create_directory(folder / "gone");
  auto maker = start_in(folder / "gone");
  REQUIRE(maker);
  std::filesystem::remove(folder / "gone");
  const auto made = maker->make();
  REQUIRE_FALSE(made);
  CHECK_THAT(made.error().message(), Catch::Matchers::ContainsSubstring("aiotrace-"));
}
