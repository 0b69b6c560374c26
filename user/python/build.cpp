#include "python/build.h"

#include <algorithm>

#include "proc/elf_image.h"
#include "python/objects.h"

namespace aiotrace::python {

Build look_at_build(const Interpreter& interpreter, const proc::Process& process, const proc::Maps& maps,
                    const proc::Memory& memory) {
  Build build;
  const Objects objects(memory, interpreter.layout);
  const auto sys = memory.pointer(interpreter.main_interpreter + interpreter.layout.user.interp_sysdict);
  // If the dict is readable, it has "version"; if "version" is missing, the absence of the other key proves nothing.
  if (sys && objects.find(*sys, "version")) build.debug = objects.find(*sys, "gettotalrefcount").has_value();
  const auto mapping = std::ranges::find(maps.all(), interpreter.where, &proc::Mapping::path);
  if (mapping != maps.all().end()) {
    if (const auto image = proc::ElfImage::open(process.pid(), *mapping)) build.stripped = !image->section(".symtab");
  }
  return build;
}

}  // namespace aiotrace::python
