#include "python/thread_waits.h"

#include <array>
#include <string_view>

namespace aiotrace::python {
namespace {

using Kind = ThreadWait::Kind;

// Functions that wait, or that a waiting function calls; by their bare names, because code objects have no others
// before 3.11.
struct Row {
  std::string_view file, function;
  ResourceForm form;
};
constexpr auto kRows = std::to_array<Row>({
    {"threading.py", "wait", ResourceForm::none},  // of Condition, Event or Barrier
    {"threading.py", "wait_for", ResourceForm::thread_condition},
    {"threading.py", "acquire", ResourceForm::thread_semaphore},
    {"threading.py", "__enter__", ResourceForm::thread_semaphore},
    {"threading.py", "join", ResourceForm::thread},
    {"threading.py", "_wait_for_tstate_lock", ResourceForm::thread},
    {"queue.py", "get", ResourceForm::thread_queue},
    {"queue.py", "put", ResourceForm::thread_queue},
    {"queue.py", "join", ResourceForm::thread_queue},
    {"concurrent/futures/_base.py", "result", ResourceForm::concurrent_future},
    {"concurrent/futures/_base.py", "exception", ResourceForm::concurrent_future},
    {"sqlalchemy/util/queue.py", "get", ResourceForm::thread_queue},
    {"sqlalchemy/pool/impl.py", "_do_get", ResourceForm::pool},
    {"psycopg_pool/pool.py", "wait", ResourceForm::none},
    {"psycopg_pool/pool.py", "_getconn_unchecked", ResourceForm::pool},
    {"psycopg_pool/pool.py", "getconn", ResourceForm::pool},
});

std::string_view bare(std::string_view function) { return function.substr(function.rfind('.') + 1); }

class Stack {
 public:
  Stack(AsyncioReader& reader, ResourceReader& resources, const std::vector<PythonFrame>& frames)
      : reader_(reader), resources_(resources), frames_(frames) {}

  ThreadWait read() {
    if (frames_.empty()) return {};
    if (idle()) return {.kind = Kind::idle};
    ThreadWait found;
    for (std::size_t i = 0; i < frames_.size(); ++i) {
      const Row* row = row_of(frames_[i]);
      if (row == nullptr || !add(frames_[i], *row, found)) break;
    }
    return found;
  }

 private:
  // Only the packages that the task readers need are known by their folder.
  [[nodiscard]] std::string file_of(const PythonFrame& frame) const {
    std::string inside = reader_.interpreter().libraries.inside(frame.file);
    constexpr std::string_view kFolder = "-packages/";
    const auto at = frame.file.rfind(kFolder);
    return inside.empty() && at != std::string::npos ? frame.file.substr(at + kFolder.size()) : inside;
  }

  [[nodiscard]] bool idle() const {
    const PythonFrame& inner = frames_.front();
    if (inner.known != nullptr && (inner.known->role == CodeRole::run_once ||
                                   inner.known->role == CodeRole::run_forever || inner.known->role == CodeRole::runner))
      return true;
    const auto file = file_of(inner);
    if (file == "selectors.py" && bare(inner.function) == "select") return true;
    return file == "concurrent/futures/thread.py" && bare(inner.function) == "_worker";
  }

  [[nodiscard]] const Row* row_of(const PythonFrame& frame) const {
    const auto file = file_of(frame);
    if (file.empty()) return nullptr;
    for (const Row& row : kRows) {
      if (row.file == file && row.function == bare(frame.function)) return &row;
    }
    return nullptr;
  }

  [[nodiscard]] std::uint64_t variable(const PythonFrame& frame, std::string_view name) const {
    return reader_.variable(as_coroutine(frame), name);
  }

  // False: the object does not fit the function.
  bool add(const PythonFrame& frame, const Row& row, ThreadWait& found) {
    const std::uint64_t self = variable(frame, "self");
    const ResourceType type = resources_.type_of(self);
    if (type.form == ResourceForm::thread_condition && bare(frame.function) == "__enter__") {
      const std::uint64_t lock = resources_.lock_of(self, type.form);
      found = {.kind = Kind::object, .object = lock, .type = resources_.type_of(lock)};
      return false;
    }
    if (type.form == ResourceForm::none) return row.form == ResourceForm::none && found.object != 0;
    if (row.form != ResourceForm::none && type.form != row.form) return false;
    if (found.object == 0) {
      const std::uint64_t timeout = variable(frame, "timeout");
      found.timed = timeout != 0 && !reader_.is_none(timeout) && !negative_one(timeout);
    }
    if (type.form == ResourceForm::thread_condition && found.condition == 0) found.condition = self;
    found.kind = Kind::object;
    found.object = self;
    found.type = type;
    return true;
  }

  // For the default value of _wait_for_tstate_lock(): no time limit.
  [[nodiscard]] bool negative_one(std::uint64_t object) const {
    return reader_.type_name(object) == "int" && !reader_.objects().unsigned_int(object);
  }

  AsyncioReader& reader_;
  ResourceReader& resources_;
  const std::vector<PythonFrame>& frames_;
};

}  // namespace

Coroutine as_coroutine(const PythonFrame& frame) {
  return {.object = frame.coroutine_at,
          .state = CoroutineState::running,
          .code = frame.code,
          .frame = frame.at,
          .lasti = frame.lasti};
}

ThreadWait thread_wait(AsyncioReader& reader, ResourceReader& resources, const std::vector<PythonFrame>& stack) {
  return Stack(reader, resources, stack).read();
}

}  // namespace aiotrace::python
