#include "symbolize/unwinder.h"

#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <ucontext.h>
#include <unistd.h>

#include <alloca.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <string>

#include "child.h"
#include "proc/memory.h"
#include "proc/text_file.h"
#include "symbolize_program.h"
#include "tests/catch.h"

using namespace aiotrace;
using symbolize::NativeStack;
using symbolize::Registers;
using testing::compile;
using testing::Folder;

namespace {

/// The state of a thread of this program, and the C library's view of its stack at that moment.
struct Capture {
  Registers registers;
  std::uint64_t base = 0;
  std::vector<std::byte> stack;
  std::vector<void*> expected;
};
Capture capture;

std::size_t register_number(std::string_view name) { return machine::here().registers.number(name); }

std::uint64_t stack_end() {
  pthread_attr_t attributes;
  void* start = nullptr;
  std::size_t size = 0;
  ::pthread_getattr_np(::pthread_self(), &attributes);
  ::pthread_attr_getstack(&attributes, &start, &size);
  ::pthread_attr_destroy(&attributes);
  return reinterpret_cast<std::uint64_t>(start) + size;
}

[[gnu::noinline]] int take_capture() {
  ucontext_t context;
  ::getcontext(&context);
  const auto& all = context.uc_mcontext.gregs;
  Registers registers;
  registers.set(register_number("rip"), static_cast<std::uint64_t>(all[REG_RIP]));
  registers.set(register_number("rsp"), static_cast<std::uint64_t>(all[REG_RSP]));
  registers.set(register_number("rbp"), static_cast<std::uint64_t>(all[REG_RBP]));
  registers.set(register_number("rbx"), static_cast<std::uint64_t>(all[REG_RBX]));
  registers.set(register_number("r12"), static_cast<std::uint64_t>(all[REG_R12]));
  registers.set(register_number("r13"), static_cast<std::uint64_t>(all[REG_R13]));
  registers.set(register_number("r14"), static_cast<std::uint64_t>(all[REG_R14]));
  registers.set(register_number("r15"), static_cast<std::uint64_t>(all[REG_R15]));
  capture.registers = registers;
  capture.base = static_cast<std::uint64_t>(all[REG_RSP]);
  capture.stack.resize(stack_end() - capture.base);
  // Not memcpy, because address sanitizer reports reads of stack memory outside of variables.
  if (!proc::LiveMemory(::getpid()).read(capture.base, capture.stack)) FAIL("cannot read the own stack");
  capture.expected.resize(300);
  capture.expected.resize(
      static_cast<std::size_t>(::backtrace(capture.expected.data(), static_cast<int>(capture.expected.size()))));
  return 1;
}

[[gnu::noinline]] int with_alloca(int size) {
  auto* memory = static_cast<volatile char*>(::alloca(static_cast<std::size_t>(size)));
  memory[0] = 1;
  return take_capture() + memory[0];
}

[[gnu::noinline]] int recurse(int depth) {
  const int below = depth == 0 ? with_alloca(1000) : recurse(depth - 1);
  asm volatile("" ::: "rbx", "r12", "r13", "r14", "r15");
  return below + 1;
}

[[gnu::noinline]] int aligned_frame(int depth) {
  alignas(64) volatile char memory[128];
  memory[depth] = 1;
  return recurse(depth) + memory[depth];
}

NativeStack unwound(symbolize::Symbolizer& symbolizer) {
  const auto process = proc::Process::open(::getpid());
  const auto maps = proc::Maps::read(::getpid());
  REQUIRE(process);
  REQUIRE(maps);
  return symbolize::unwind(symbolizer, *process, *maps, capture.registers, capture.base, capture.stack);
}

/// All frames except the innermost, because the two were taken some instructions apart; under a sanitizer backtrace()
/// sees itself.
void check_as_expected(const NativeStack& stack) {
  REQUIRE(stack.frames.size() > 1);
  std::vector<std::uint64_t> expected;
  for (void* each : capture.expected) expected.push_back(reinterpret_cast<std::uint64_t>(each));
  const auto first = std::ranges::find(expected, stack.frames[1].address);
  REQUIRE(first - expected.begin() >= 1);
  REQUIRE(first - expected.begin() <= 2);
  expected.erase(expected.begin(), first - 1);
  REQUIRE(stack.frames.size() == std::min(expected.size(), symbolize::kMaxNativeFrames));
  for (std::size_t i = 1; i < stack.frames.size(); ++i) {
    INFO("frame " << i << " " << stack.frames[i].symbol.function);
    CHECK(stack.frames[i].address == expected[i]);
  }
}

std::vector<std::string> functions(const NativeStack& stack) {
  std::vector<std::string> names;
  for (const auto& frame : stack.frames) names.push_back(frame.symbol.function);
  return names;
}

std::uint64_t handler_interrupts = 0;
void on_signal(int, siginfo_t*, void* context) {
  handler_interrupts = static_cast<std::uint64_t>(static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
  take_capture();
}

/// A child that waits in a system call: its stack, and the registers that /proc shows.
NativeStack unwound_child(testing::Child& child, symbolize::Symbolizer& symbolizer, std::size_t most = 1u << 20,
                          std::optional<std::uint64_t> rbp = std::nullopt) {
  REQUIRE(child.line() == "ready");
  const std::string path = "/proc/" + std::to_string(child.pid()) + "/syscall";
  std::uint64_t sp = 0;
  std::uint64_t pc = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  // "0 …" is read(2): the line before came from write(2).
  for (std::string text; std::chrono::steady_clock::now() < deadline; ::usleep(1000)) {
    text = proc::read_text(path, 4096).value_or("");
    if (!text.starts_with("0 ")) continue;
    REQUIRE(std::sscanf(text.c_str(), "%*d %*s %*s %*s %*s %*s %*s %lx %lx", &sp, &pc) == 2);
    break;
  }
  REQUIRE(pc != 0);
  const auto process = proc::Process::open(child.pid());
  const auto maps = proc::Maps::read(child.pid());
  REQUIRE(process);
  REQUIRE(maps);
  const auto* mapping = maps->find(sp);
  REQUIRE(mapping != nullptr);
  std::vector<std::byte> bytes(std::min<std::size_t>(most, mapping->end - sp));
  REQUIRE(proc::LiveMemory(child.pid()).read(sp, bytes));
  Registers registers;
  registers.set(register_number("rip"), pc);
  registers.set(register_number("rsp"), sp);
  if (rbp) registers.set(register_number("rbp"), *rbp);
  return symbolize::unwind(symbolizer, *process, *maps, registers, sp, bytes);
}

void check_chain(const NativeStack& stack) {
  CHECK(stack.complete);
  const auto names = functions(stack);
  const auto inner = std::ranges::find(names, "inner_call");
  REQUIRE(names.end() - inner >= 4);
  CHECK(inner - names.begin() <= 2);  // read(), perhaps with a part of it apart
  CHECK(inner[1] == "middle_call");
  CHECK(inner[2] == "outer_call");
  CHECK(inner[3] == "main");
  CHECK(stack.frames.front().address != 0);
  CHECK(stack.frames[static_cast<std::size_t>(inner - names.begin())].symbol.library == "chain");
}

}  // namespace

TEST_CASE("unwinder: this program's stack is what the C library says", "[symbolize]") {
  symbolize::Symbolizer symbolizer;
  REQUIRE(aligned_frame(20) > 0);
  const auto stack = unwound(symbolizer);
  check_as_expected(stack);
  CHECK(stack.complete);
  const auto names = functions(stack);
  CHECK(names[0].find("take_capture()") != std::string::npos);
  CHECK(names[1].find("with_alloca(int)") != std::string::npos);
  for (std::size_t i = 2; i <= 22; ++i) CHECK(names[i].find("recurse(int)") != std::string::npos);
  CHECK(names[23].find("aligned_frame(int)") != std::string::npos);
  CHECK(std::ranges::find(names, "main") != names.end());
}

TEST_CASE("unwinder: what a machine adds to return addresses is no part of them", "[symbolize]") {
  symbolize::Symbolizer symbolizer;
  REQUIRE(aligned_frame(20) > 0);
  const auto plain = unwound(symbolizer);
  // The stack as a processor with signed return addresses would leave it.
  constexpr std::uint64_t kSignature = std::uint64_t{0x2a} << 56;
  for (std::size_t at = 0; at + 8 <= capture.stack.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, &capture.stack[at], sizeof word);
    if (std::ranges::none_of(plain.frames, [&](const auto& each) { return each.address == word; })) continue;
    word |= kSignature;
    std::memcpy(&capture.stack[at], &word, sizeof word);
  }
  CHECK(unwound(symbolizer).frames.size() <= 2);
  auto signing = machine::here();
  signing.return_address_mask = ~(std::uint64_t{0xff} << 56);
  Registers registers(signing);
  for (std::size_t number = 0; number < signing.registers.names.size(); ++number) {
    if (const auto value = capture.registers.get(number)) registers.set(number, *value);
  }
  capture.registers = registers;
  const auto stripped = unwound(symbolizer);
  capture.registers = Registers();
  CHECK(stripped.complete);
  CHECK(functions(stripped) == functions(plain));
}

TEST_CASE("unwinder: no more than 256 frames", "[symbolize]") {
  symbolize::Symbolizer symbolizer;
  REQUIRE(recurse(400) > 0);
  const auto stack = unwound(symbolizer);
  check_as_expected(stack);
  CHECK(stack.frames.size() == 256);
  CHECK(!stack.complete);
}

TEST_CASE("unwinder: through a signal handler", "[symbolize]") {
  struct sigaction action{};
  struct sigaction before{};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO;
  REQUIRE(::sigaction(SIGUSR1, &action, &before) == 0);
  ::raise(SIGUSR1);
  ::sigaction(SIGUSR1, &before, nullptr);
  symbolize::Symbolizer symbolizer;
  const auto stack = unwound(symbolizer);
  check_as_expected(stack);
  CHECK(stack.complete);
  CHECK(std::ranges::any_of(stack.frames, [](const auto& each) { return each.address == handler_interrupts; }));
}

TEST_CASE("unwinder: a stack cut short, other memory, no memory", "[symbolize]") {
  symbolize::Symbolizer symbolizer;
  REQUIRE(recurse(20) > 0);
  const auto whole = unwound(symbolizer);
  const auto all = capture.stack;
  capture.stack.resize(all.size() / 2);
  const auto half = unwound(symbolizer);
  CHECK(!half.complete);
  REQUIRE(half.frames.size() < whole.frames.size());
  for (std::size_t i = 0; i < half.frames.size(); ++i) CHECK(half.frames[i].address == whole.frames[i].address);
  capture.stack.clear();
  CHECK(unwound(symbolizer).frames.size() == 1);
  unsigned state = 7;
  for (int round = 0; round < 50; ++round) {
    capture.stack = all;
    for (auto& byte : capture.stack) {
      state = state * 1664525 + 1013904223;
      if ((state >> 24) < 8) byte = static_cast<std::byte>(state >> 8);
    }
    CHECK(unwound(symbolizer).frames.size() <= 256);
  }
  capture.registers = Registers();
  CHECK(unwound(symbolizer).frames.empty());
}

TEST_CASE("unwinder: a live program that waits at a known depth", "[symbolize]") {
  const Folder folder;
  const auto program = compile(folder, "chain", testing::kChain,
                               "-O2 -fno-optimize-sibling-calls -fomit-frame-pointer");
  testing::Child child({program});
  symbolize::Symbolizer symbolizer;
  check_chain(unwound_child(child, symbolizer));
}

TEST_CASE("unwinder: a program that is linked statically", "[symbolize]") {
  const Folder folder;
  const auto program = compile(folder, "chain", testing::kChain,
                               "-O2 -fno-optimize-sibling-calls -fomit-frame-pointer -static");
  testing::Child child({program});
  symbolize::Symbolizer symbolizer;
  check_chain(unwound_child(child, symbolizer));
}

TEST_CASE("unwinder: rules in .debug_frame, plain, compressed and in the debug file", "[symbolize]") {
  const Folder folder;
  const std::string flags =
      "-O2 -g -fno-optimize-sibling-calls -fomit-frame-pointer -fno-asynchronous-unwind-tables -Wl,--build-id=sha1 ";
  for (const std::string compressed : {"-gz=none", "-gz=zlib"}) {
    const auto program = compile(folder, "chain", testing::kChain, flags + compressed);
    testing::Child child({program});
    symbolize::Symbolizer symbolizer;
    check_chain(unwound_child(child, symbolizer));
  }
  testing::need("objcopy");
  const auto program = compile(folder, "chain", testing::kChain, flags);
  REQUIRE(testing::run("cd " + folder / "" + " && objcopy --only-keep-debug chain chain.debug && strip chain && " +
                       "objcopy --add-gnu-debuglink=chain.debug chain"));
  testing::Child child({program});
  symbolize::Symbolizer symbolizer;
  check_chain(unwound_child(child, symbolizer));
}

TEST_CASE("unwinder: without rules by frame pointers", "[symbolize]") {
  const Folder folder;
  // The program prints the address of its frame, because /proc does not show rbp.
  const std::string source = std::string(testing::kChain);
  const auto program = compile(
      folder, "chain", source,
      "-O1 -fno-optimize-sibling-calls -fno-omit-frame-pointer -fno-asynchronous-unwind-tables");
  testing::Child child({program});
  symbolize::Symbolizer symbolizer;
  REQUIRE(child.pid() > 0);
  // read() keeps rbp: it is inner_call's frame, the first one whose two words lead to the next.
  const auto without = unwound_child(child, symbolizer);
  CHECK(!without.complete);
  const auto maps = proc::Maps::read(child.pid());
  REQUIRE(maps);
  std::uint64_t sp = 0;
  const auto text = proc::read_text("/proc/" + std::to_string(child.pid()) + "/syscall", 4096).value_or("");
  REQUIRE(std::sscanf(text.c_str(), "%*d %*s %*s %*s %*s %*s %*s %lx", &sp) == 1);
  const proc::LiveMemory memory(child.pid());
  std::uint64_t rbp = 0;
  for (std::uint64_t at = sp; at < sp + 512 && rbp == 0; at += 8) {
    const auto saved = memory.read<std::uint64_t>(at);
    const auto back = memory.read<std::uint64_t>(at + 8);
    const auto* code = back ? maps->find(*back) : nullptr;
    if (saved && *saved > at && *saved < at + 512 && code && code->executable && code->path == program) rbp = at;
  }
  REQUIRE(rbp != 0);
  Registers registers;
  registers.set(register_number("rip"), without.frames.back().address);
  registers.set(register_number("rsp"), rbp - 32);
  registers.set(register_number("rbp"), rbp);
  std::vector<std::byte> bytes(maps->find(sp)->end - sp);
  REQUIRE(memory.read(sp, bytes));
  const auto process = proc::Process::open(child.pid());
  REQUIRE(process);
  const auto names = functions(symbolize::unwind(symbolizer, *process, *maps, registers, sp, bytes));
  REQUIRE(names.size() >= 4);
  CHECK(names[0] == "inner_call");
  CHECK(names[1] == "middle_call");
  CHECK(names[2] == "outer_call");
  CHECK(names[3] == "main");
}
