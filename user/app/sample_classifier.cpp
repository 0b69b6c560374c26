#include "app/sample_classifier.h"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>

#include "proc/syscalls.h"

namespace aiotrace::app {

namespace {

bool starts_with_any(std::string_view name, std::initializer_list<std::string_view> prefixes) {
  return std::ranges::any_of(prefixes, [&](std::string_view prefix) { return name.starts_with(prefix); });
}

// The libraries of glibc and musl, the loader and the kernel's vdso.
bool is_support(std::string_view file_name) {
  return file_name == "[vdso]" ||
         starts_with_any(file_name, {"libc.so", "libc-2", "libpthread", "libm.so", "libm-2", "ld-linux", "ld-2",
                                     "ld-musl", "libdl", "librt", "libgcc_s"});
}

// Libraries through which Python calls other libraries: no cause by themselves.
bool is_foreign_call(std::string_view file_name) { return starts_with_any(file_name, {"libffi", "_ctypes."}); }

/// The innermost function in `library` that has a name; empty if none has.
std::string function_in(const symbolize::NativeStack& stack, const std::string& library) {
  bool inside = false;
  for (const auto& [address, symbol] : stack.frames) {
    if (symbol.library == library) {
      inside = true;
      if (!symbol.function.empty()) return symbol.function;
    } else if (inside) {
      break;
    }
  }
  return {};
}

}  // namespace

SampleClassifier::Code SampleClassifier::describe(Target& target, const proc::Mapping& mapping) {
  const auto* interpreter = target.interpreter();
  if (interpreter != nullptr && mapping.start < interpreter->text_end && mapping.end > interpreter->text_start)
    return {Place::interpreter, {}};
  Code code{Place::library, symbolizer_.library(target.process(), mapping)};
  if (is_support(mapping.file_name())) code.place = Place::support;
  if (is_foreign_call(mapping.file_name())) code.place = Place::foreign_call;
  return code;
}

const SampleClassifier::Code& SampleClassifier::code_at(Target& target, std::uint64_t address) {
  auto& known = mapped_[target.pid()];
  const auto at = known.upper_bound(address);  // by end: the first mapping that ends after the address
  if (at != known.end() && at->second.first <= address) return at->second.second;
  const proc::Mapping* mapping = target.maps().find(address);
  if (mapping == nullptr) return unknown_;
  if (!mapping->executable) return unknown_;
  const auto end = mapping->end;
  return known.insert_or_assign(end, std::pair(mapping->start, describe(target, *mapping))).first->second.second;
}

symbolize::NativeStack SampleClassifier::top_of_stack(Target& target, const model::Sample& sample) {
  symbolize::Registers registers;
  registers.set(registers.roles().instruction_pointer, sample.ip);
  registers.set(registers.roles().stack_pointer, sample.sp);
  registers.set(registers.roles().frame_pointer, sample.bp);
  return symbolize::unwind(symbolizer_, target.process(), target.maps(), registers, sample.sp,
                           std::as_bytes(std::span(sample.words)));
}

SampleClassifier::Caller SampleClassifier::caller_of_support(Target& target, const model::Sample& sample,
                                                             const symbolize::NativeStack& stack) {
  const auto is_caller = [](const Code& code) { return code.place != Place::unknown && code.place != Place::support; };
  for (std::size_t i = 1; i < stack.frames.size(); ++i) {
    const Code& code = code_at(target, stack.frames[i].address - 1);
    if (is_caller(code)) return {.code = &code, .function = function_in(stack, code.library)};
  }
  for (const auto word : sample.words) {
    const Code& code = code_at(target, word);
    if (!is_caller(code)) continue;
    Caller caller{.code = &code, .function = {}};
    auto symbol = symbolizer_.find(target.process(), target.maps(), word - 1);
    if (symbol && symbol->library == code.library) caller.function = std::move(symbol->function);
    return caller;
  }
  return {};
}

model::ClassifiedSample SampleClassifier::classify(Target& target, const model::Sample& sample) {
  model::ClassifiedSample result{.head = sample.head,
                                 .iteration = sample.iteration,
                                 .stack_id = sample.stack_id,
                                 .cause = model::Cause::python,
                                 .syscall = {},
                                 .culprit = {},
                                 .has_task = sample.has_task,
                                 .callback = sample.callback,
                                 .cpu_ns = sample.cpu_ns};
  if (sample.gc) {
    result.cause = model::Cause::gc;
    return result;
  }
  if (sample.kernel) {
    result.cause = model::Cause::kernel;
    result.syscall = proc::syscall_name(sample.syscall);
    return result;
  }
  // The code was not mapped when the map was read: a new library, or a page that a JIT compiler has created since.
  const proc::Mapping* mapping = target.maps().find(sample.ip);
  if (mapping == nullptr || !mapping->executable) target.refresh_maps_if_due();
  const Code* leaf = &code_at(target, sample.ip);
  std::string function;
  if (leaf->place == Place::support || leaf->place == Place::library) {
    const auto stack = top_of_stack(target, sample);
    function = function_in(stack, leaf->library);
    if (leaf->place == Place::support) {
      auto caller = caller_of_support(target, sample, stack);
      if (caller.code != nullptr && caller.code->place != Place::foreign_call) {
        leaf = caller.code;
        function = std::move(caller.function);
      }
    }
  }
  const bool python = target.interpreter() != nullptr && target.interpreter()->initialized;
  const bool plain_support = leaf->place == Place::support && python && sample.words.empty();
  if (leaf->place == Place::interpreter || plain_support) return result;
  if (leaf->place == Place::unknown && python) return result;
  result.cause = model::Cause::native;
  if (!leaf->library.empty())
    result.culprit = model::NativeFunction{.library = leaf->library, .function = std::move(function)};
  return result;
}

}  // namespace aiotrace::app
