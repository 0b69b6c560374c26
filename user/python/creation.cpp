#include "python/creation.h"

#include <string>

#include "python/symbol.h"

namespace aiotrace::python {
namespace {

constexpr std::uint32_t kPython311 = 0x030b0000;

}  // namespace

Result<std::vector<std::uint64_t>> find_coroutine_makers(const Interpreter& interpreter, const proc::Process& process,
                                                         const proc::Maps& maps) {
  const auto names = interpreter.version_hex < kPython311 ? std::vector{"PyCoro_New", "PyAsyncGen_New"}
                                                          : std::vector{"_Py_MakeCoro"};
  std::vector<std::uint64_t> found;
  for (const char* name : names) {
    const auto address = symbol_address(interpreter, process, maps, name);
    if (!address) {
      return fail("who makes the coroutines of process " + std::to_string(process.pid()),
                  "its Python " + interpreter.version_text + " does not export " + name + ", and has no symbol table",
                  "leaks without --origin works; Python 3.13 and later export it", ErrorKind::unsupported);
    }
    found.push_back(*address);
  }
  return found;
}

origin_config origin_config_of(const Interpreter& interpreter, const proc::Process& process) {
  origin_config config{};
  config.pid = static_cast<std::uint32_t>(process.pid());
  config.own_frame = interpreter.version_hex >= kPython311 ? 1 : 0;
  config.interpreters_head = interpreter.interpreters_head;
  config.coro_type = interpreter.coro_type;
  config.async_gen_type = interpreter.async_gen_type;
  config.layout = interpreter.layout.bpf;
  return config;
}

}  // namespace aiotrace::python
