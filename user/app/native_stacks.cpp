#include "app/native_stacks.h"

#include <algorithm>
#include <functional>
#include <span>
#include <utility>

#include "symbolize/merge.h"
#include "util/hash.h"

namespace aiotrace::app {

namespace {

constexpr std::size_t kMaxCopies = 16384;
// As many as there are stacks in the store.
constexpr std::size_t kMaxMarks = 65536;
// A stack that cannot be followed may lead into code that was mapped later, so the map is read again, but not more
// often than this.
constexpr std::uint64_t kMapsValidNs = 20'000'000;
constexpr std::uint32_t kPython311 = 0x030b0000;

symbolize::Registers registers_of(const model::NativeSeen& copy) {
  symbolize::Registers registers;
  const auto copied = registers.roles().copied;
  for (std::size_t i = 0; i < std::min(copied.size(), copy.registers.size()); ++i) {
    if (copy.registers[i] != 0) registers.set(copied[i], copy.registers[i]);
  }
  return registers;
}

model::Frame frame_of(const symbolize::NativeFrame& native) {
  return {
      .kind = model::Frame::Kind::native, .function = native.symbol.function, .file = native.symbol.library, .line = 0};
}

// JIT code: another function may have the same address later.
bool is_lasting(const symbolize::NativeFrame& frame) { return frame.symbol.library != "[anonymous]"; }

std::uint64_t id_of(std::uint64_t python_stack, const symbolize::NativeStack& native) {
  // The id of a native stack differs from the ids of Python stacks, even without frames.
  std::size_t hash = python_stack ^ 0x6e6174697665;
  for (const auto& frame : native.frames) {
    hash_into(hash, frame.address);
    if (!is_lasting(frame)) hash_into(hash, frame.symbol.function);
  }
  return hash | 1;
}

}  // namespace

void NativeStacks::add(const model::StackSeen& stack) {
  auto& entries = processes_[stack.head.pid].entries;
  if (entries.size() >= kMaxMarks) entries.clear();
  std::vector<bool> marks;
  marks.reserve(stack.frames.size());
  for (const auto& frame : stack.frames) marks.push_back(frame.entry);
  entries.insert_or_assign(stack.stack_id, std::move(marks));
}

void NativeStacks::add(model::NativeSeen copy) {
  if (copies_.size() >= kMaxCopies && !copies_.contains(copy.head.tid)) copies_.clear();
  copies_.insert_or_assign(copy.head.tid, std::move(copy));
}

const model::NativeSeen* NativeStacks::copy_of(const model::EventHead& head, std::uint64_t iteration) const {
  const auto found = copies_.find(head.tid);
  if (found == copies_.end()) return nullptr;
  const auto& copy = found->second;
  return copy.head.pid == head.pid && copy.iteration == iteration ? &copy : nullptr;
}

symbolize::NativeStack NativeStacks::unwind(Target& target, const model::NativeSeen& copy) {
  const auto registers = registers_of(copy);
  const auto once = [&] {
    return symbolize::unwind(symbolizer_, target.process(), target.maps(), registers, copy.registers[1],
                             std::as_bytes(std::span(copy.stack)));
  };
  auto native = once();
  auto& read_ns = processes_[target.pid()].maps_read_ns;
  if (!native.complete && copy.head.time_ns >= read_ns + kMapsValidNs) {
    read_ns = copy.head.time_ns;
    target.refresh_maps();
    native = once();
  }
  // A leaf outside all mappings gives no information.
  if (native.frames.size() == 1 && native.frames[0].symbol.library.empty()) native.frames.clear();
  if (!native.complete) ++cut_;
  return native;
}

// A stripped interpreter may have no name for its evaluation function (Debian's 3.14 does not export it). Then the
// positions of Python's frames are unknown, except that the native frames inside the interpreter's innermost one were
// called by the innermost Python frame.
bool NativeStacks::drop_unplaceable(const Target& target, symbolize::NativeStack& native) {
  const auto* interpreter = target.interpreter();
  const auto evaluates = [](const symbolize::NativeFrame& frame) {
    return symbolize::is_evaluation(frame.symbol.function);
  };
  if (interpreter == nullptr || std::ranges::any_of(native.frames, evaluates)) return false;
  const auto first = std::ranges::find_if(native.frames, [&](const symbolize::NativeFrame& frame) {
    return frame.address >= interpreter->text_start && frame.address < interpreter->text_end;
  });
  if (first == native.frames.end()) return false;
  native.frames.erase(first, native.frames.end());
  return true;
}

std::uint64_t NativeStacks::merge(Target& target, const model::NativeSeen& copy, std::uint64_t python_stack) {
  auto native = unwind(target, copy);
  if (python_stack != 0 && drop_unplaceable(target, native)) ++cut_;
  if (native.frames.empty()) return python_stack;
  const auto id = id_of(python_stack, native);
  if (stacks_.find(target.pid(), id) != nullptr) return id;
  const auto python = python_stack == 0 ? nullptr : stacks_.find(target.pid(), python_stack);
  const auto frames = python ? python->copy() : model::Stack{};

  std::vector<symbolize::PythonMark> marks(frames.size());
  auto sharing = symbolize::Sharing::unknown;
  if (target.interpreter() != nullptr && target.interpreter()->version_hex < kPython311) {
    sharing = symbolize::Sharing::one_each;
  } else {
    const auto& entries = processes_[target.pid()].entries;
    if (const auto known = entries.find(python_stack);
        known != entries.end() && known->second.size() == frames.size()) {
      sharing = symbolize::Sharing::entries;
      for (std::size_t i = 0; i < marks.size(); ++i) marks[i].entry = known->second[i];
    }
  }
  const bool python_cut = python && (python->unreadable || python->too_deep);
  model::Stack stack;
  for (const auto& [kind, index] : symbolize::merge(native, marks, sharing, !python_cut)) {
    if (kind == symbolize::MergedFrame::Kind::python)
      stack.push_back(frames[index]);
    else
      stack.push_back(frame_of(native.frames[index]));
  }
  // If Python's frames reach the start of the thread, only frames between the last ones may be missing.
  const bool native_cut = !native.complete && frames.empty();
  stacks_.add(target.pid(), id, std::move(stack), python && python->unreadable,
              native_cut || (python && python->too_deep));
  return id;
}

}  // namespace aiotrace::app
