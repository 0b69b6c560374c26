#include "python/layout.h"

#include "python/layouts/all.h"

namespace aiotrace::python {

std::span<const Layout> known_layouts() { return kLayouts; }

const Layout* layout_for(std::uint32_t version_hex, bool free_threaded) {
  const Layout* best = nullptr;
  for (const Layout& layout : kLayouts) {
    if (layout.bpf.version >> 16 != version_hex >> 16) continue;
    if (((layout.bpf.flags & PY_FREE_THREADED) != 0) != free_threaded) continue;
    if (best == nullptr || layout.bpf.version <= version_hex) best = &layout;
  }
  return best;
}

}  // namespace aiotrace::python
