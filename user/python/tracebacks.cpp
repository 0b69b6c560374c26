#include "python/tracebacks.h"

namespace aiotrace::python {
namespace {

constexpr std::uint64_t kPointer = 8;
constexpr std::uint32_t kPython311 = 0x030b0000;

class TracebackReader {
 public:
  explicit TracebackReader(AsyncioReader& reader)
      : reader_(reader), bpf_(reader.interpreter().layout.bpf), head_(bpf_.obj_type + kPointer) {}

  std::vector<TracebackEntry> read(std::uint64_t exception) {
    std::vector<TracebackEntry> entries;
    constexpr std::size_t kMostSteps = 4096;
    std::uint64_t at = pointer(exception + traceback_of_exception());
    for (std::size_t step = 0; step < kMostSteps && reader_.type_name(at) == "traceback"; ++step) {
      if (entries.size() == kMaxTraceback) entries.erase(entries.begin());
      entries.push_back(entry(at));
      at = pointer(at + head_);  // tb_next
    }
    return entries;
  }

 private:
  // Include/cpython/pyerrors.h, PyException_HEAD: dict, args, notes (3.11), traceback.
  [[nodiscard]] std::uint64_t traceback_of_exception() const {
    return head_ + (reader_.interpreter().version_hex >= kPython311 ? 3 : 2) * kPointer;
  }

  // Include/cpython/traceback.h: tb_next, tb_frame, tb_lasti in bytes, tb_lineno, which is -1 from 3.11 on until the
  // program asks for it.
  TracebackEntry entry(std::uint64_t traceback) {
    const auto& memory = reader_.memory();
    const std::uint64_t code = code_of(pointer(traceback + head_ + kPointer));
    const auto line = memory.read<std::int32_t>(traceback + head_ + 2 * kPointer + 4).value_or(0);
    if (line > 0) return {.code = code, .line = static_cast<std::uint32_t>(line)};
    const auto lasti = memory.read<std::int32_t>(traceback + head_ + 2 * kPointer);
    return {.code = code, .line = code != 0 && lasti ? reader_.codes().line(code, *lasti) : 0};
  }

  // PyFrameObject is the frame up to 3.10, and leads to it from 3.11 on: f_back, f_frame.
  std::uint64_t code_of(std::uint64_t frame_object) {
    if (reader_.type_name(frame_object) != "frame") return 0;
    const bool leads = reader_.interpreter().version_hex >= kPython311;
    const std::uint64_t frame = leads ? pointer(frame_object + head_ + kPointer) : frame_object;
    const auto code = frame == 0 ? std::nullopt : reader_.memory().read<std::uint64_t>(frame + bpf_.frame_code);
    return code ? *code & ~((bpf_.flags & PY_TAGGED_REFS) != 0 ? std::uint64_t{3} : 0) : 0;
  }

  std::uint64_t pointer(std::uint64_t at) { return reader_.memory().pointer(at).value_or(0); }

  AsyncioReader& reader_;
  const py_layout& bpf_;
  std::uint64_t head_;
};

}  // namespace

std::vector<TracebackEntry> read_traceback(AsyncioReader& reader, std::uint64_t exception) {
  return TracebackReader(reader).read(exception);
}

}  // namespace aiotrace::python
