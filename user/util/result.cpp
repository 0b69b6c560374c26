#include "util/result.h"

#include <cstring>

namespace aiotrace {

std::unexpected<Error> fail_errno(std::string what, int error_number, std::string hint, ErrorKind kind) {
  return fail(std::move(what), strerrordesc_np(error_number) ? strerrordesc_np(error_number) : "unknown error",
              std::move(hint), kind);
}

}  // namespace aiotrace
