// A real interpreter's memory in which single reads return wrong data: the errors begin deep inside correct structures.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sstream>

#include "proc/maps.h"
#include "proc/page_cache.h"
#include "proc/process.h"
#include "proc/resident.h"
#include "python/census.h"
#include "python/frames.h"
#include "python/suspects.h"
#include "python/tasks.h"
#include "python/threads.h"
#include "python/warnings.h"
#include "tests/fuzz/target.h"

namespace aiotrace::fuzz {
namespace {

/// The input describes the wrong reads, three bytes each: the number of correct reads before it, its kind, its
/// argument.
class Liar final : public proc::Memory {
 public:
  Liar(const proc::Memory& truth, Bytes lies) : truth_(truth), lies_(lies) { next(); }

  int try_read(std::uint64_t address, std::span<std::byte> into) const override {
    const int error = truth_.try_read(address, into);
    if (!active_ || left_-- != 0) {
      if (error == 0 && into.size() == 8) remember(into);
      return error;
    }
    const int result = lie(into, error);
    next();
    return result;
  }

 private:
  void remember(std::span<const std::byte> word) const {
    std::memcpy(&words_[seen_++ % words_.size()], word.data(), 8);
  }

  int lie(std::span<std::byte> into, int error) const {
    if (kind_ == 0) return EFAULT;
    if (error != 0) std::ranges::fill(into, std::byte{0});
    if (into.empty()) return 0;
    std::uint64_t word = 0;
    std::memcpy(&word, into.data(), std::min<std::size_t>(into.size(), 8));
    switch (kind_) {
      case 1: std::ranges::fill(into, std::byte{0}); return 0;
      case 2: std::ranges::fill(into, std::byte{0xff}); return 0;
      case 3: word ^= std::uint64_t{1} << (argument_ % 64); break;
      case 4: word = words_[argument_ % words_.size()]; break;  // data of another address
      case 5: word = argument_; break;
      case 6: word += static_cast<std::int8_t>(argument_) * std::uint64_t{8}; break;
      default: word = std::uint64_t{1} << (argument_ % 64); break;
    }
    std::memcpy(into.data(), &word, std::min<std::size_t>(into.size(), 8));
    return 0;
  }

  void next() const {
    active_ = lies_.size() >= 3;
    if (!active_) return;
    // Most walks take hundreds of reads; a gap of up to some thousands reaches all of them.
    left_ = std::uint64_t{lies_[0]} * (lies_[0] % 4 == 0 ? 16 : 1);
    kind_ = lies_[1] % 8;
    argument_ = lies_[2];
    lies_ = lies_.subspan(3);
  }

  const proc::Memory& truth_;
  mutable Bytes lies_;
  mutable bool active_ = false;
  mutable std::uint64_t left_ = 0;
  mutable std::uint8_t kind_ = 0;
  mutable std::uint8_t argument_ = 0;
  mutable std::array<std::uint64_t, 64> words_{};
  mutable std::size_t seen_ = 0;
};

struct Truth {
  proc::Process process;
  proc::LiveMemory memory;
  proc::PageCache pages;  // never cleared: the program does not run
  proc::Maps maps;
  python::Interpreter interpreter;
  std::map<pid_t, python::PythonThread> threads;
  python::HeapTypes types;
  proc::ResidentMemory resident;

  Truth(proc::Process opened, proc::Maps read, python::Interpreter found)
      : process(std::move(opened)),
        memory(process.pid()),
        pages(memory),
        maps(std::move(read)),
        interpreter(std::move(found)) {
    threads = python::python_threads(interpreter, process, memory);
    python::CodeCache codes(pages, interpreter.layout);
    python::AsyncioReader reader(interpreter, pages, codes);
    types = python::heap_types(reader);
    // Only scans memory in which a correct scan finds something: a scan of all memory would take most of a run.
    const auto all = proc::resident_memory(process.pid(), proc::heap_mappings(maps));
    const auto census = python::take_census(reader, memory, all, types);
    std::vector<std::uint64_t> found_at;
    for (const auto& [address, coroutine] : census.coroutines) found_at.push_back(address / 4096 * 4096);
    for (const auto& future : census.futures) found_at.push_back(future.object / 4096 * 4096);
    std::ranges::sort(found_at);
    found_at.erase(std::ranges::unique(found_at).begin(), found_at.end());
    for (const auto page : found_at) resident.ranges.push_back({page, page + 4096});
  }
};

/// AIOTRACE_FUZZ_PYTHON is a command with its arguments, separated by blanks.
std::vector<std::string> interpreter_command() {
  const char* given = std::getenv("AIOTRACE_FUZZ_PYTHON");
  std::istringstream words(given != nullptr ? given : "python3");
  std::vector<std::string> command;
  for (std::string word; words >> word;) command.push_back(word);
  command.insert(command.end(), {"-I", "-X", "utf8", "tests/fuzz/live_target.py"});
  return command;
}

std::string problem;

std::unique_ptr<Truth> start() {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  require(::pipe2(in.data(), O_CLOEXEC) == 0 && ::pipe2(out.data(), O_CLOEXEC) == 0, "pipes");
  const auto command = interpreter_command();
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(in[0]);  // the other end stays open: the program reads from it until it is killed
  ::close(out[1]);
  std::string said;
  for (char byte = 0; ::read(out[0], &byte, 1) == 1 && byte != '\n';) said += byte;
  if (said != "ready") {
    problem = command.front() + " does not run tests/fuzz/live_target.py";
    return nullptr;
  }
  auto process = proc::Process::open(pid);
  auto maps = proc::Maps::read(pid);
  require(process && maps, "the program can be looked at");
  const proc::LiveMemory memory(pid);
  auto interpreter = python::inspect(*process, *maps, memory);
  if (!interpreter) {
    problem = command.front() + ": " + interpreter.error().message();
    return nullptr;
  }
  return std::make_unique<Truth>(std::move(*process), std::move(*maps), std::move(*interpreter));
}

Truth* truth() {
  static const auto one = start();
  return one.get();
}

void fuzz_live(Bytes bytes) {
  const auto* target = truth();
  if (target == nullptr) return;
  Input input(bytes);
  const auto what = input.byte() % 16;
  const Liar memory(target->pages, input.rest());
  const auto& interpreter = target->interpreter;
  if (what < 6) {
    python::TaskReader reader(interpreter, target->process, memory);
    if (const auto read = reader.read()) {
      for (const auto& task : read->tasks) {
        require(task.stack.size() <= python::kMaxAwaitDepth + python::kMaxStack, "a task's stack is bounded");
        for (const auto by : task.awaited_by)
          require(by < read->tasks.size(), "a task is awaited by one of the snapshot");
      }
      std::vector<const python::Task*> tasks;
      for (const auto& task : read->tasks) tasks.push_back(&task);
      for (const auto& task : reader.read_again(tasks, read->taken_ns))
        require(!task || task->stack.size() <= python::kMaxAwaitDepth + python::kMaxStack, "read again, too");
    }
  } else if (what < 11) {
    python::CodeCache codes(memory, interpreter.layout);
    python::AsyncioReader reader(interpreter, memory, codes);
    const auto census = python::take_census(reader, target->pages, target->resident, target->types);
    const auto suspects = python::find_suspects(reader, census, false);
    for (const auto& suspect : suspects.all) use(python::still_suspect(reader, suspect));
  } else if (what < 13) {
    for (const auto& [tid, thread] : python::python_threads(interpreter, target->process, memory))
      use(python::read_stack(interpreter, memory, thread.tstate));
    for (const auto& [tid, thread] : target->threads) use(python::read_stack(interpreter, memory, thread.tstate));
    use(python::thread_names(interpreter, target->process, memory));
  } else if (what < 15) {
    use(python::dropped_coroutines(interpreter, memory));
    python::CodeCache codes(memory, interpreter.layout);
    const python::AsyncioReader reader(interpreter, memory, codes);
    use(python::heap_types(reader));
  } else {
    use(python::inspect(target->process, target->maps, memory));
  }
}

std::string why_not() { return truth() == nullptr ? problem : ""; }

std::vector<std::string> live_seeds() {
  std::vector<std::string> seeds;
  static constexpr std::string_view kFew = "\x10\x04\x08\x40\x03\x05";
  static constexpr std::string_view kMore("\x80\x01\0\x03\x06\x02\x20\x07\x28\0\x04\x01\x01\x04\x03", 15);
  for (char what = 0; what < 16; ++what) {
    for (const auto lies : {kFew, kMore}) seeds.push_back(std::string(1, what).append(lies));
  }
  return seeds;
}

const Registration live({.name = "live", .run = fuzz_live, .seeds = live_seeds, .why_not = why_not});

}  // namespace
}  // namespace aiotrace::fuzz
