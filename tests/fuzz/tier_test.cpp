// The targets for a short time each, on inputs mutated blindly: what `make fuzz` does with coverage and for longer.
//
// AIOTRACE_FUZZ_SECONDS (2) for each target; AIOTRACE_FUZZ_SEED chooses other inputs. The input that ends a run is
// written to build/fuzz-TARGET-input; AIOTRACE_FUZZ_INPUT=FILE runs that alone.
#include "tests/catch.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include "tests/fuzz/target.h"
#include "tests/support/sanitizers.h"
#include "util/unique_fd.h"

namespace aiotrace::fuzz {
namespace {

constexpr std::size_t kMaxInput = 16384;
constexpr int kHangS = 30;
constexpr int kCannotRun = 77;
// Limit of address space, which is sufficient for what a target makes from 16 KiB. (Sanitizers reserve much more than
// they use.)
constexpr rlim_t kMaxMemory = rlim_t{4} << 30;
constexpr bool kLimitMemory = !testing::kSanitized;

/// Shared with the process that runs the target, so that it survives a crash.
struct Progress {
  std::uint64_t runs;
  std::uint64_t size;
  std::uint8_t input[kMaxInput];
  char reason[512];
};

double setting(const char* name, double otherwise) {
  const char* given = std::getenv(name);
  return given != nullptr ? std::atof(given) : otherwise;
}

class Mutator {
 public:
  Mutator(std::vector<std::string> seeds, std::uint64_t seed) : kept_(std::move(seeds)), random_(seed) {
    if (kept_.empty()) kept_.emplace_back(64, '\0');
  }
  /// Usually one of the seeds with some changes; earlier inputs are kept for a while, so that changes accumulate.
  std::string next() {
    std::string input = kept_[random_() % kept_.size()];
    for (auto changes = 1 + random_() % 8; changes != 0; --changes) change(input);
    if (input.size() > kMaxInput) input.resize(kMaxInput);
    if (random_() % 16 == 0) {
      if (kept_.size() < 256)
        kept_.push_back(input);
      else
        kept_[random_() % kept_.size()] = input;
    }
    return input;
  }

 private:
  void change(std::string& input) {
    static constexpr std::uint64_t kNumbers[] = {0,
                                                 1,
                                                 2,
                                                 7,
                                                 8,
                                                 0x7f,
                                                 0x80,
                                                 0xff,
                                                 0x1010,
                                                 0x1020,
                                                 0x7fff,
                                                 0xffff,
                                                 1u << 20,
                                                 0x7fffffff,
                                                 0x80000000,
                                                 0xffffffff,
                                                 std::uint64_t{1} << 40,
                                                 INT64_MAX,
                                                 ~std::uint64_t{0}};
    if (input.empty()) input.push_back('\0');
    const std::size_t at = random_() % input.size();
    switch (random_() % 7) {
      case 0: input[at] = static_cast<char>(random_()); break;
      case 1: input[at] ^= static_cast<char>(1u << (random_() % 8)); break;
      case 2: {
        const auto number = kNumbers[random_() % std::size(kNumbers)];
        const std::size_t width = std::min<std::size_t>(std::size_t{1} << (random_() % 4), input.size() - at);
        std::memcpy(input.data() + at, &number, width);
        break;
      }
      case 3: input.erase(at, 1 + random_() % 16); break;
      case 4: input.insert(at, 1 + random_() % 16, static_cast<char>(random_())); break;
      case 5: {
        const std::string& other = kept_[random_() % kept_.size()];
        if (other.empty()) break;
        const std::size_t from = random_() % other.size();
        input.insert(at, other, from, 1 + random_() % 64);
        break;
      }
      default: input.resize(at + 1); break;
    }
  }

  std::vector<std::string> kept_;
  std::mt19937_64 random_;
};

[[noreturn]] void run_inputs(const Target& target, Progress& progress) {
  for (const int number : {SIGSEGV, SIGABRT, SIGFPE, SIGBUS, SIGILL, SIGTERM}) ::signal(number, SIG_DFL);
  if (kLimitMemory) {
    const rlimit limit{kMaxMemory, kMaxMemory};
    ::setrlimit(RLIMIT_AS, &limit);
  }
  const std::string why_not = target.why_not != nullptr ? target.why_not() : std::string();
  if (!why_not.empty()) {
    std::snprintf(progress.reason, sizeof progress.reason, "%s", why_not.c_str());
    ::_exit(kCannotRun);
  }
  if (const char* path = std::getenv("AIOTRACE_FUZZ_INPUT")) {
    std::ifstream file(path, std::ios::binary);
    const std::string input{std::istreambuf_iterator<char>(file), {}};
    target.run({reinterpret_cast<const std::uint8_t*>(input.data()), input.size()});
    progress.runs = 1;
    ::_exit(0);
  }
  Mutator mutator(target.seeds(), static_cast<std::uint64_t>(setting("AIOTRACE_FUZZ_SEED", 1)));
  const auto run = [&](std::string_view input) {
    progress.size = std::min(input.size(), kMaxInput);
    std::memcpy(progress.input, input.data(), progress.size);
    target.run({progress.input, progress.size});
    ++progress.runs;
  };
  for (const auto& seed : target.seeds()) run(seed);
  const auto end = std::chrono::steady_clock::now() +
                   std::chrono::duration<double>(setting("AIOTRACE_FUZZ_SECONDS", 2));
  while (std::chrono::steady_clock::now() < end) run(mutator.next());
  ::_exit(0);
}

/// Waits for the end of the child; false when one input takes longer than kHangS.
bool wait_for_end(int pidfd, const Progress& progress) {
  std::uint64_t before = ~std::uint64_t{0};
  while (true) {
    pollfd one{.fd = pidfd, .events = POLLIN, .revents = 0};
    if (::poll(&one, 1, kHangS * 1000) == 1) return true;
    const auto runs = __atomic_load_n(&progress.runs, __ATOMIC_RELAXED);
    if (runs == before) return false;
    before = runs;
  }
}

void run_target(const Target& target) {
  void* shared = ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(shared != MAP_FAILED);
  auto& progress = *static_cast<Progress*>(shared);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) run_inputs(target, progress);
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  REQUIRE(pidfd);
  const bool ended = wait_for_end(pidfd.get(), progress);
  if (!ended) ::kill(child, SIGKILL);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kCannotRun) AIOTRACE_SKIP(std::string(progress.reason));
  const std::string path = "build/fuzz-" + std::string(target.name) + "-input";
  if (!ended || status != 0) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(progress.input), static_cast<std::streamsize>(progress.size));
  }
  INFO("after " << progress.runs << " inputs; AIOTRACE_FUZZ_INPUT=" << path << " runs the one that did it");
  CHECK(ended);
  CHECK(status == 0);
  CHECK(progress.runs > 0);
  if (std::getenv("AIOTRACE_FUZZ_COUNT") != nullptr)
    std::printf("%12s %llu inputs\n", std::string(target.name).c_str(), static_cast<unsigned long long>(progress.runs));
  ::munmap(shared, sizeof(Progress));
}

}  // namespace

AIOTRACE_TEST_CASES(fuzz_targets) {
  for (const auto& target : targets()) {
    testing::add_test_case("fuzz: " + std::string(target.name) + " stays up, in bounds and in time", "[fuzz]",
                           [&target] { run_target(target); });
  }
}

}  // namespace aiotrace::fuzz
