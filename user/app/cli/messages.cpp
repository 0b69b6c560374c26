#include "app/cli/messages.h"

#include <cerrno>

#include "app/cli/exit_status.h"
#include "output/file_sink.h"
#include "util/log.h"

namespace aiotrace::app {

int report(const Error& error) {
  say(error.message());
  switch (error.kind) {
    case ErrorKind::usage: return kExitUsage;
    case ErrorKind::not_permitted:
    case ErrorKind::unsupported: return kExitNotPermitted;
    case ErrorKind::failure: break;
  }
  return kExitFailure;
}

int print_message(const std::string& text) {
  auto out = output::FileSink::standard_output();
  if (!out) return report(out.error());
  const auto status = (*out)->write_bytes(text);
  return status || (*out)->last_errno() == EPIPE ? 0 : report(status.error());
}

}  // namespace aiotrace::app
