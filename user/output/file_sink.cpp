#include "output/file_sink.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "util/output_file.h"

namespace aiotrace::output {

Result<std::unique_ptr<FileSink>> FileSink::open(const std::string& path) {
  if (path == "-") return standard_output();
  auto fd = open_output_file(path);
  if (!fd) return std::unexpected(fd.error());
  return std::make_unique<FileSink>(std::move(*fd), path);
}

Result<std::unique_ptr<FileSink>> FileSink::standard_output() {
  UniqueFd fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
  if (!fd) return fail_errno("write to standard output", errno);
  return std::make_unique<FileSink>(std::move(fd), "standard output");
}

Status FileSink::write_line(std::string_view line) {
  buffer_.assign(line);
  buffer_.push_back('\n');
  return write_bytes(buffer_);
}

Status FileSink::write_bytes(std::string_view bytes) {
  if (const int error = write_whole(fd_.get(), bytes); error != 0) {
    last_errno_ = error;
    return fail_errno("write to " + name_, error);
  }
  return {};
}

bool FileSink::is_terminal() const { return ::isatty(fd_.get()) == 1; }

}  // namespace aiotrace::output
