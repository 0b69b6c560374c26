#include "python/process_config.h"

namespace aiotrace::python {

process_config process_config_of(const Interpreter* interpreter, std::uint32_t generation) {
  process_config config{};
  config.generation = generation;
  if (interpreter == nullptr) return config;
  config.text_start = interpreter->text_start;
  config.text_end = interpreter->text_end;
  if (!interpreter->initialized) return config;
  config.flags = PROCESS_PYTHON;
  config.interpreters_head = interpreter->interpreters_head;
  config.gil_addr = interpreter->gil_addr;
  config.gc_addr = interpreter->gc_addr;
  if (interpreter->greenlets) {
    config.flags |= PROCESS_GREENLETS;
    config.greenlets = *interpreter->greenlets;
  }
  if (interpreter->c_tasks) config.current_tasks = interpreter->current_tasks;
  config.layout = layout_for_bpf(*interpreter);
  return config;
}

}  // namespace aiotrace::python
