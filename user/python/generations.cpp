#include "python/generations.h"

#include <array>

#include "proc/page_cache.h"

namespace aiotrace::python {
namespace {

constexpr std::uint64_t kHead = 16;  // PyGC_Head: next, prev; the object follows it
// Include/internal/pycore_gc.h: flags in the low two bits of both.
constexpr std::uint64_t kFlags = 3;
// 3.14.0 to 3.14.4 collect in increments: a young list and two halves of an old one (CPython gh-142516).
constexpr std::uint32_t kIncremental = 0x030e0000;
constexpr std::uint32_t kIncrementalEnd = 0x030e0500;

}  // namespace

std::optional<Generations> Generations::walk(const Interpreter& interpreter, const proc::Memory& memory) {
  const auto& [bpf, user] = interpreter.layout;
  const std::uint64_t gc = bpf.interp_gc == kNoOffset ? interpreter.gc_addr
                                                      : interpreter.main_interpreter + bpf.interp_gc;
  const bool incremental = bpf.version >= kIncremental && bpf.version < kIncrementalEnd;
  if (gc == 0 || interpreter.free_threaded) return std::nullopt;
  Generations found;
  std::size_t left = kMaxYoung;
  const std::uint8_t old = incremental ? std::uint8_t{1} : std::uint8_t{kOld};
  for (std::uint8_t generation = 0; generation < old; ++generation) {
    const std::uint64_t head = gc + user.gc_generations + std::uint64_t{generation} * user.gc_generation_size;
    std::uint64_t before = head;
    while (true) {
      const auto next = memory.read<std::uint64_t>(before);
      if (!next) return std::nullopt;
      const std::uint64_t at = *next & ~kFlags;
      const auto back = memory.read<std::uint64_t>(at + 8);
      if (!back || (*back & ~kFlags) != before) return std::nullopt;
      if (at == head) break;
      if (left-- == 0) return std::nullopt;
      found.young_.emplace(at + kHead, generation);
      before = at;
    }
  }
  if (memory.read<std::int32_t>(gc + bpf.gc_collecting).value_or(1) != 0) return std::nullopt;
  return found;
}

std::optional<Generations> Generations::read(const Interpreter& interpreter, const proc::Memory& live) {
  if (live.pointer(interpreter.interpreters_head) != interpreter.main_interpreter) return std::nullopt;
  constexpr int kTries = 3;
  for (int i = 0; i < kTries; ++i) {
    const proc::PageCache pages(live);
    if (auto found = walk(interpreter, pages)) return found;
  }
  return std::nullopt;
}

}  // namespace aiotrace::python
