// Whether this process may trace here, before the kernel says "Operation not permitted".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "util/result.h"

namespace aiotrace::probe {

/// A bit for each capability (CAP_… of linux/capability.h) that this process can use now.
[[nodiscard]] std::uint64_t effective_capabilities();

/// Names of the capabilities that tracing needs and this process lacks.
[[nodiscard]] std::vector<std::string> missing_capabilities();

/// What to do about missing capabilities, in one phrase. The phrase differs for root, because root only lacks them in a
/// container.
[[nodiscard]] std::string how_to_get(const std::vector<std::string>& capabilities);

/// An error that names the missing requirement: capabilities, the kernel's BTF, the initial pid namespace.
[[nodiscard]] Status check_host();

/// The error for a bpf() call that failed at load or attach: names the rule that refused, if one is known.
[[nodiscard]] std::unexpected<Error> load_error(const std::string& what, int error_number, const std::string& log);

}  // namespace aiotrace::probe
