// The offsets that CPython publishes about itself: _Py_DebugOffsets (3.13+) and _Py_AsyncioModuleDebugOffsets (3.14+).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "python/layout.h"
#include "util/result.h"

namespace aiotrace::python {

/// Size of _Py_DebugOffsets in the newest known version; the structure is at the start of _PyRuntime.
inline constexpr std::size_t kDebugOffsetsSize = 888;
/// Size of _Py_AsyncioModuleDebugOffsets, the content of the section named below.
inline constexpr std::size_t kAsyncioDebugSize = 104;
inline constexpr const char* kAsyncioDebugSection = ".AsyncioDebug";

/// Parses the first bytes of a runtime. Nothing if the cookie "xdebugpy" is missing: before 3.13, or no runtime.
struct DebugHeader {
  std::uint32_t version_hex = 0;
  bool free_threaded = false;
};
[[nodiscard]] std::optional<DebugHeader> debug_header(std::span<const std::byte> runtime);

/// Copies the published offsets into a layout of the same minor version (Include/internal/pycore_debug_offsets.h). Each
/// must lie inside of its structure and below 1 MiB, and structures whose offsets are only in the table must have the
/// table's size. Otherwise returns an error (unsupported) that names the field, and the layout is unchanged.
[[nodiscard]] Status apply_debug_offsets(std::span<const std::byte> runtime, Layout& layout);

/// The same for the section of _asyncio (Modules/_asynciomodule.c).
[[nodiscard]] Status apply_asyncio_debug(std::span<const std::byte> section, Layout& layout);

}  // namespace aiotrace::python
