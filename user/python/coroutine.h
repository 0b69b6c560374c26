// One coroutine, generator or asynchronous generator: its state, its instruction, and what it awaits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "proc/memory.h"
#include "python/interpreter.h"

namespace aiotrace::python {

enum class CoroutineKind { coroutine, generator, async_generator };

/// The states of inspect.getcoroutinestate().
enum class CoroutineState {
  created,  ///< never started
  suspended,
  running,  ///< on a thread's stack now (the object that it awaits is on the stack too)
  finished,
};

struct Coroutine {
  std::uint64_t object = 0;
  CoroutineKind kind = CoroutineKind::coroutine;
  CoroutineState state = CoroutineState::created;
  std::uint64_t code = 0;    ///< 0: finished, if the version clears it then (generators before 3.11, 3.12+)
  std::uint64_t frame = 0;   ///< frame object (<= 3.10) or _PyInterpreterFrame; 0: finished
  std::int32_t lasti = -1;   ///< byte offset in the bytecode; -1: not started
  std::uint64_t awaits = 0;  ///< object that it awaits or yields from; 0: not suspended there, or unreadable
};

/// The role of a type in await chains.
enum class AwaitableKind {
  other,
  coroutine,
  generator,
  async_generator,
  wrapper,          ///< a wrapper for the object in its first field: coroutine_wrapper, asend(), anext()
  future_iterator,  ///< a wrapper for a future: FutureIter
};

/// Reads CPython's generator objects (Objects/genobject.c) of one look at a process. Objects with impossible states are
/// rejected. Caches data about types, so a reader should be used for one look, or for a few looks in quick succession.
class CoroutineReader {
 public:
  /// Both must outlive this object.
  CoroutineReader(const Interpreter& interpreter, const proc::Memory& memory)
      : interpreter_(interpreter), layout_(interpreter.layout), memory_(memory) {}

  /// Nothing for an object of another type, or for an object with impossible contents.
  [[nodiscard]] std::optional<Coroutine> read(std::uint64_t object);

  /// By type; `other` also if it cannot be read.
  [[nodiscard]] AwaitableKind kind_of(std::uint64_t object);

  /// The object that a wrapper stands for; 0: none (used up), or unreadable.
  [[nodiscard]] std::uint64_t unwrap(std::uint64_t wrapper) const;

  /// __qualname__, from the definition, or as the program has set it.
  [[nodiscard]] std::optional<std::string> qualified_name(std::uint64_t object) const;

  /// The object in a frame's variable `index` (CodeInfo::locals), taken from its cell if it has one; 0: unset,
  /// unreadable.
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
