#include "app/await_places.h"

namespace aiotrace::app {

std::string text_of(const python::WaitsFor& wait) {
  return std::string(wait.call.empty() ? python::name(wait.kind) : wait.call);
}

int clearness(const python::WaitsFor& wait) {
  switch (wait.kind) {
    case python::WaitKind::unknown:
    case python::WaitKind::turn: return 0;
    case python::WaitKind::future: return wait.call.empty() ? 1 : 2;
    default: return 2;
  }
}

model::Frame frame_of(const python::TaskFrame& frame) {
  return {.kind = model::Frame::Kind::python,
          .function = frame.code->function,
          .file = frame.code->file,
          .line = frame.line};
}

}  // namespace aiotrace::app
