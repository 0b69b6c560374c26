// One coroutine, generator or asynchronous generator: its state, where it stands, what it awaits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "proc/memory.h"
#include "python/interpreter.h"

namespace aiotrace::python {

enum class CoroutineKind { coroutine, generator, async_generator };

/// As inspect.getcoroutinestate() has them.
enum class CoroutineState {
  created,  ///< never started
  suspended,
  running,  ///< on a thread's stack now (what it awaits is on the stack too)
  finished,
};

struct Coroutine {
  std::uint64_t object = 0;
  CoroutineKind kind = CoroutineKind::coroutine;
  CoroutineState state = CoroutineState::created;
  std::uint64_t code = 0;    ///< 0: finished, where it is forgotten then (before 3.11 of a generator, 3.12+)
  std::uint64_t frame = 0;   ///< frame object (<= 3.10) or _PyInterpreterFrame; 0: finished
  std::int32_t lasti = -1;   ///< byte offset in the bytecode; -1: at its beginning
  std::uint64_t awaits = 0;  ///< object that it awaits or yields from; 0: not suspended there, or unreadable
};

/// What a type is among those that await chains are made of.
enum class AwaitableKind {
  other,
  coroutine,
  generator,
  async_generator,
  wrapper,          ///< stands for the object that its first field points to: coroutine_wrapper, asend(), anext()
  future_iterator,  ///< the same, for a future: FutureIter
};

/// Reads CPython's generator objects (Objects/genobject.c) of one look at a process. States that no version has are
/// not believed. Keeps what it learns of types, so one reader serves one look or a few in quick succession.
class CoroutineReader {
 public:
  /// Both must outlive this object.
  CoroutineReader(const Interpreter& interpreter, const proc::Memory& memory)
      : interpreter_(interpreter), layout_(interpreter.layout), memory_(memory) {}

  /// Nothing for an object of another type, or one that cannot be what it claims.
  [[nodiscard]] std::optional<Coroutine> read(std::uint64_t object);

  /// By type; `other` also for what cannot be read.
  [[nodiscard]] AwaitableKind kind_of(std::uint64_t object);

  /// What a wrapper stands for; 0: nothing (used up), unreadable.
  [[nodiscard]] std::uint64_t unwrap(std::uint64_t wrapper) const;

  /// __qualname__, as set by the program or the definition.
  [[nodiscard]] std::optional<std::string> qualified_name(std::uint64_t object) const;

  /// The object in a frame's variable `index` (CodeInfo::locals), out of its cell if it has one; 0: unset, unreadable.
  [[nodiscard]] std::uint64_t local(const Coroutine& coroutine, std::size_t index) const;

 private:
  [[nodiscard]] bool set_state(Coroutine& coroutine) const;
  void set_place(Coroutine& coroutine) const;
  [[nodiscard]] bool at_await(const Coroutine& coroutine) const;
  [[nodiscard]] std::uint64_t stack_top(std::uint64_t frame) const;
  [[nodiscard]] AwaitableKind classify(std::uint64_t type) const;
  [[nodiscard]] std::uint64_t untagged(std::uint64_t reference) const {
    return layout_.bpf.flags & PY_TAGGED_REFS ? reference & ~std::uint64_t{3} : reference;
  }
  [[nodiscard]] bool has_frame_objects() const { return (layout_.bpf.flags & PY_FRAME_OBJECTS) != 0; }

  const Interpreter& interpreter_;
  const Layout& layout_;
  const proc::Memory& memory_;
  std::unordered_map<std::uint64_t, AwaitableKind> kinds_;  // by type
};

}  // namespace aiotrace::python
