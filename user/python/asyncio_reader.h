// The only reader of asyncio's objects: coroutines, futures, tasks, and data about the code that they run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "proc/memory.h"
#include "python/code_cache.h"
#include "python/coroutine.h"
#include "python/futures.h"
#include "python/interpreter.h"
#include "python/known_code.h"
#include "python/objects.h"

namespace aiotrace::python {

/// A coroutine, asynchronous generator or generator that a heap scan found.
struct HeapCoroutine : Coroutine {
  std::uint64_t bytes = 0;  ///< including its frame and the collector's header
};

/// The target of a link of an await chain.
struct AwaitStep {
  enum class To : std::uint8_t {
    coroutine,  ///< `object` is a coroutine, generator or asynchronous generator
    future,     ///< `object` is the future, written in C or in Python
    turn,       ///< a generator that yields nothing awaitable: sleep(0) and similar
    nothing,    ///< it runs, has not begun or has ended
    unknown,    ///< `object` is of an unknown type; 0: unreadable
  };
  To to = To::unknown;
  std::uint64_t object = 0;
};

/// For one look at a process. Caches data about types and classes. Not thread-safe.
class AsyncioReader {
 public:
  /// All must outlive this object.
  AsyncioReader(const Interpreter& interpreter, const proc::Memory& memory, CodeCache& codes)
      : AsyncioReader(interpreter, memory, codes, FutureReader(interpreter, memory)) {}
  AsyncioReader(const Interpreter& interpreter, const proc::Memory& memory, CodeCache& codes, FutureReader futures)
      : interpreter_(interpreter),
        memory_(memory),
        codes_(codes),
        coroutines_(interpreter, memory),
        futures_(std::move(futures)),
        known_(interpreter, coroutines_, codes) {}
  AsyncioReader(const AsyncioReader&) = delete;
  AsyncioReader& operator=(const AsyncioReader&) = delete;

  // For objects that are reached from a live object.
  [[nodiscard]] CoroutineReader& coroutines() { return coroutines_; }
  [[nodiscard]] FutureReader& futures() { return futures_; }
  [[nodiscard]] const FutureReader& futures() const { return futures_; }
  [[nodiscard]] KnownCode& known() { return known_; }
  [[nodiscard]] AwaitStep follow(const Coroutine& from);
  /// What a coroutine awaits if it awaits `object`.
  [[nodiscard]] AwaitStep resolve(std::uint64_t object);
  /// The object in the named variable of a suspended frame; 0: there is no such variable, or it is not set.
  [[nodiscard]] std::uint64_t variable(const Coroutine& of, std::string_view name);
  [[nodiscard]] bool is_none(std::uint64_t object) { return type_name(object) == "NoneType"; }
  /// Name of an object's type, looked up once for each type; "" when it cannot be read.
  [[nodiscard]] const std::string& type_name(std::uint64_t object);

  // The object at an address that a scan has found; nothing if it was freed, or is being created or freed just now.
  [[nodiscard]] std::optional<HeapCoroutine> heap_coroutine(std::uint64_t object);
  [[nodiscard]] std::optional<FutureFields> heap_future(std::uint64_t object);

  [[nodiscard]] const Interpreter& interpreter() const { return interpreter_; }
  [[nodiscard]] const proc::Memory& memory() const { return memory_; }
  [[nodiscard]] const Objects& objects() const { return futures_.objects(); }
  [[nodiscard]] CodeCache& codes() { return codes_; }

 private:
  [[nodiscard]] bool alive(std::uint64_t object) const;
  [[nodiscard]] bool believable(const Coroutine& coroutine);
  [[nodiscard]] std::uint64_t size_of(const Coroutine& coroutine) const;
  [[nodiscard]] std::uint64_t pointer(std::uint64_t at) const;

  const Interpreter& interpreter_;
  const proc::Memory& memory_;
  CodeCache& codes_;
  CoroutineReader coroutines_;
  FutureReader futures_;
  KnownCode known_;
  std::unordered_map<std::uint64_t, std::string> type_names_;
};

}  // namespace aiotrace::python
