// Control groups: which are mounted, where a group's files are, and the quota that counts.
#include "proc/cgroups.h"

#include <filesystem>
#include <fstream>

#include "app/cgroup_quota.h"
#include "folder.h"
#include "tests/catch.h"

using aiotrace::app::cpu_quota_of;
using aiotrace::proc::cgroup_directory;
using aiotrace::proc::cgroup_mounts;
using aiotrace::proc::CgroupMount;
using aiotrace::proc::cpu_cgroup_path;

namespace {

void write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

std::string mounted(const std::string& root, const std::string& directory, const std::string& rest) {
  return "30 23 0:26 " + root + " " + directory + " rw,nosuid shared:4 master:1 - " + rest + "\n";
}

}  // namespace

TEST_CASE("cgroups: hierarchies that can have a quota, wherever they are mounted", "[cgroups]") {
  const auto mounts = cgroup_mounts(mounted("/", "/proc", "proc proc rw") +
                                    mounted("/", "/sys/fs/cgroup/cpu,cpuacct", "cgroup cgroup rw,cpu,cpuacct") +
                                    mounted("/", "/sys/fs/cgroup/cpuset", "cgroup cgroup rw,cpuset") +
                                    mounted("/pod", "/with\\040space", "cgroup2 none rw") +
                                    "31 23 0:27 / /no\\134optional rw - cgroup2 none rw\n" + "torn");
  REQUIRE(mounts.size() == 3);
  CHECK(mounts[0] == CgroupMount{"/sys/fs/cgroup/cpu,cpuacct", "/", false});
  CHECK(mounts[1] == CgroupMount{"/with space", "/pod", true});
  CHECK(mounts[2] == CgroupMount{"/no\\optional", "/", true});
}

TEST_CASE("cgroups: the group of a thread, in either version", "[cgroups]") {
  const std::string both = "4:cpu,cpuacct:/app/web\n3:memory:/other\n0::/\n";
  CHECK(cpu_cgroup_path(both, false) == "/app/web");
  CHECK(cpu_cgroup_path(both, true) == "/");
  CHECK(cpu_cgroup_path("3:memory:/other\n5:cpuset:/x\n", false).empty());
}

TEST_CASE("cgroups: a group is where its mount shows it", "[cgroups]") {
  const CgroupMount whole{"/cg", "/", true};
  CHECK(cgroup_directory(whole, "/a/b") == "/cg/a/b");
  CHECK(cgroup_directory(whole, "/") == "/cg");
  CHECK(cgroup_directory(whole, "/../other").empty());
  const CgroupMount part{"/cg", "/pod", true};
  CHECK(cgroup_directory(part, "/pod/app") == "/cg/app");
  CHECK(cgroup_directory(part, "/pod") == "/cg");
  CHECK(cgroup_directory(part, "/podium").empty());
  CHECK(cgroup_directory(part, "/").empty());
}

TEST_CASE("cgroups: the tightest quota counts, of all above and of both versions", "[cgroups]") {
  const aiotrace::testing::Folder folder;
  const std::string one = folder / "one";
  const std::string two = folder / "two";
  const auto info = mounted("/", one, "cgroup cgroup rw,cpu") + mounted("/", two, "cgroup2 none rw");
  const std::string groups = "4:cpu:/pod/app\n0::/slice/app\n";
  CHECK_FALSE(cpu_quota_of(info, groups));

  write(one + "/pod/app/cpu.cfs_quota_us", "-1\n");
  write(one + "/pod/app/cpu.cfs_period_us", "100000\n");
  write(two + "/slice/app/cpu.max", "max 100000\n");
  CHECK_FALSE(cpu_quota_of(info, groups));

  write(two + "/slice/app/cpu.max", "80000 100000\n");
  write(two + "/slice/cpu.max", "30000 50000\n");
  auto quota = cpu_quota_of(info, groups);
  REQUIRE(quota);
  CHECK((quota->cgroup == "/slice" && quota->quota_us == 30000 && quota->period_us == 50000));

  write(one + "/pod/cpu.cfs_quota_us", "10000\n");
  write(one + "/pod/cpu.cfs_period_us", "100000\n");
  quota = cpu_quota_of(info, groups);
  REQUIRE(quota);
  CHECK((quota->cgroup == "/pod" && quota->quota_us == 10000 && quota->period_us == 100000));

  // In a container the group is the root of the visible hierarchy, and may have a quota.
  write(two + "/cpu.max", "5000 100000\n");
  quota = cpu_quota_of(info, "0::/\n");
  REQUIRE(quota);
  CHECK((quota->cgroup == "/" && quota->quota_us == 5000));
}
