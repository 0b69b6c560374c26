#include "python/lock_waits.h"

#include <sys/syscall.h>

#include <algorithm>
#include <span>

#include "python/frame_slots.h"
#include "python/thread_waits.h"

namespace aiotrace::python {
namespace {

constexpr std::uint32_t kPython311 = 0x030b0000;
constexpr std::uint64_t kMaxSlots = 256;
constexpr std::uint64_t kPointer = 8;

class Search {
 public:
  Search(AsyncioReader& reader, ResourceReader& resources, const PythonFrame& frame)
      : reader_(reader), resources_(resources), layout_(reader.interpreter().layout), frame_(as_coroutine(frame)) {}

  /// The locks on the frame's stack, in the order in which they were pushed; values above the top of the stack are old.
  std::vector<std::uint64_t> locks() {
    std::vector<std::uint64_t> words(stack_size());
    const std::uint64_t first = frame_.frame + layout_.bpf.frame_localsplus +
                                kPointer * variable_slots(reader_, frame_);
    if (words.empty() || !reader_.memory().read(first, std::as_writable_bytes(std::span(words)))) return {};
    std::vector<std::uint64_t> found;
    for (const std::uint64_t word : words) {
      const std::uint64_t lock = lock_in((layout_.bpf.flags & PY_TAGGED_REFS) != 0 ? word & ~std::uint64_t{3} : word);
      if (lock != 0 && std::ranges::find(found, lock) == found.end()) found.push_back(lock);
    }
    return found;
  }

  /// The address at which a thread sleeps that waits for it; 0: the lock has no address of its own.
  [[nodiscard]] std::uint64_t futex_of(std::uint64_t lock) const {
    // lock_lock or rlock_lock, a pointer to a sem_t, whose first word is the futex: Python/thread_pthread.h, glibc's
    // sysdeps/nptl/internaltypes.h.
    return is_mutex(lock) ? 0 : reader_.memory().read<std::uint64_t>(lock + head()).value_or(0);
  }
  [[nodiscard]] bool has_parked(std::uint64_t lock) const {
    constexpr std::uint8_t kLockedAndParked = 3;  // _Py_LOCKED, _Py_HAS_PARKED: Include/cpython/lock.h
    const auto byte = reader_.memory().read<std::uint8_t>(lock + head());
    return is_mutex(lock) && byte && (*byte & kLockedAndParked) == kLockedAndParked;
  }

 private:
  [[nodiscard]] std::uint64_t head() const { return std::uint64_t{layout_.bpf.obj_type} + kPointer; }

  // Uses the states that ResourceReader reads.
  [[nodiscard]] bool is_mutex(std::uint64_t lock) const {
    if (resources_.type_of(lock).form == ResourceForm::thread_rlock) return layout_.bpf.version >= 0x030e0000;
    const auto type = reader_.objects().type_of(lock);
    const auto size = type ? reader_.objects().basicsize(*type) : std::nullopt;
    return size && static_cast<std::uint64_t>(*size) == head() + kPointer;
  }

  // Number of slots of the frame behind its variables. Include/cpython/code.h: co_stacksize precedes co_firstlineno
  // since 3.11; for frame objects the object's size limits it.
  [[nodiscard]] std::size_t stack_size() const {
    const auto& memory = reader_.memory();
    std::uint64_t size = 0;
    if (layout_.bpf.version >= kPython311) {
      size = memory.read<std::uint32_t>(frame_.code + layout_.bpf.code_firstlineno - 4).value_or(0);
    } else {
      const auto all = memory.read<std::uint64_t>(frame_.frame + layout_.bpf.bytes_size).value_or(0);
      const auto variables = variable_slots(reader_, frame_);
      size = all > variables ? all - variables : 0;
    }
    return static_cast<std::size_t>(std::min(size, kMaxSlots));
  }

  [[nodiscard]] bool is_lock(std::uint64_t object) const {
    const ResourceForm form = resources_.type_of(object).form;
    return form == ResourceForm::thread_lock || form == ResourceForm::thread_rlock;
  }

  // The lock, or a method of it.
  [[nodiscard]] std::uint64_t lock_in(std::uint64_t word) const {
    if (word < 4096 || word % kPointer != 0) return 0;
    if (is_lock(word)) return word;
    if (reader_.type_name(word) != "builtin_function_or_method") return 0;
    const auto self = reader_.memory().read<std::uint64_t>(word + layout_.user.method_self);
    return self && is_lock(*self) ? *self : 0;
  }

  AsyncioReader& reader_;
  ResourceReader& resources_;
  const Layout& layout_;
  Coroutine frame_;
};

}  // namespace

std::optional<LockWait> lock_wait(AsyncioReader& reader, ResourceReader& resources, const PythonFrame& innermost,
                                  const proc::ThreadSyscall& call, const std::vector<std::uint64_t>& entered) {
  if (call.number != SYS_futex || innermost.at == 0) return std::nullopt;
  Search search(reader, resources, innermost);
  const bool timed = call.arguments[3] != 0;  // futex(2): uaddr, op, val, timeout
  const auto as_wait = [&](std::uint64_t lock) {
    return LockWait{.object = lock, .type = resources.type_of(lock), .timed = timed};
  };
  std::vector<std::uint64_t> parked;
  for (const std::uint64_t lock : search.locks()) {
    if (search.futex_of(lock) == call.arguments[0]) return as_wait(lock);
    const bool has_it = std::ranges::find(entered, lock) != entered.end();
    if (!has_it && search.has_parked(lock)) parked.push_back(lock);
  }
  return parked.size() == 1 ? std::optional(as_wait(parked.front())) : std::nullopt;
}

}  // namespace aiotrace::python
