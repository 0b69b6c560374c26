#include "python/symbol.h"

#include "proc/elf_image.h"

namespace aiotrace::python {

std::optional<std::uint64_t> symbol_address(const Interpreter& interpreter, const proc::Process& process,
                                            const proc::Maps& maps, std::string_view name) {
  const auto* mapping = maps.find(interpreter.text_start);
  if (mapping == nullptr) return std::nullopt;
  const auto image = proc::ElfImage::open(process.pid(), *mapping);
  const auto symbol = image ? image->symbol(name) : std::nullopt;
  const auto bias = symbol ? image->bias(maps, *mapping) : std::nullopt;
  return bias ? std::optional(symbol->address + *bias) : std::nullopt;
}

}  // namespace aiotrace::python
