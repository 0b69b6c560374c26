#include "app/sample_classifier.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "proc/elf_image.h"
#include "proc/syscalls.h"

namespace aiotrace::app {

namespace {

bool starts_with_any(std::string_view name, std::initializer_list<std::string_view> prefixes) {
  return std::ranges::any_of(prefixes, [&](std::string_view prefix) { return name.starts_with(prefix); });
}

// glibc's and musl's parts, the loader and the kernel's vdso.
bool is_support(std::string_view file_name) {
  return file_name == "[vdso]" ||
         starts_with_any(file_name, {"libc.so", "libc-2", "libpthread", "libm.so", "libm-2", "ld-linux", "ld-2",
                                     "ld-musl", "libdl", "librt", "libgcc_s"});
}

// What Python calls through on its way to a library: no cause by itself.
bool is_foreign_call(std::string_view file_name) { return starts_with_any(file_name, {"libffi", "_ctypes."}); }

// "_bisect" of "_bisect.cpython-311-x86_64-linux-gnu.so" or "_rust.abi3.so"; empty for what is no extension module.
std::string module_name(std::string_view file_name) {
  const auto dot = file_name.find('.');
  if (dot == std::string_view::npos || file_name.starts_with("lib")) return {};
  const auto rest = file_name.substr(dot);
  if (rest == ".so" || rest.starts_with(".cpython-") || rest.starts_with(".abi"))
    return std::string(file_name.substr(0, dot));
  return {};
}

}  // namespace

SampleClassifier::Code SampleClassifier::describe(Target& target, const proc::Mapping& mapping) {
  const auto* interpreter = target.interpreter();
  if (interpreter != nullptr && mapping.start < interpreter->text_end && mapping.end > interpreter->text_start)
    return {Place::interpreter, {}};
  if (mapping.path.empty()) return {Place::library, "[anonymous]"};
  const std::string file_name(mapping.file_name());
  Code code{Place::library, file_name};
  if (is_support(file_name)) code.place = Place::support;
  if (is_foreign_call(file_name)) code.place = Place::foreign_call;
  if (auto module = module_name(file_name); !module.empty()) {
    code.library = std::move(module);
  } else if (file_name.find(".so") != std::string::npos) {
    // The name that programs link with: libz.so.1, not libz.so.1.2.13.
    if (const auto image = proc::ElfImage::open(target.process().pid(), mapping)) {
      if (auto soname = image->soname(); !soname.empty()) code.library = std::move(soname);
    }
  }
  return code;
}

const SampleClassifier::Code& SampleClassifier::code_at(Target& target, std::uint64_t address) {
  auto& known = mapped_[target.pid()];
  const auto at = known.upper_bound(address);  // by end: the first that ends behind it
  if (at != known.end() && at->second.first <= address) return at->second.second;
  const proc::Mapping* mapping = target.maps().find(address);
  if (mapping == nullptr) return unknown_;
  if (!mapping->executable) return unknown_;
  const auto end = mapping->end;
  return known.insert_or_assign(end, std::pair(mapping->start, describe(target, *mapping))).first->second.second;
}

model::ClassifiedSample SampleClassifier::classify(Target& target, const model::Sample& sample) {
  model::ClassifiedSample result{.head = sample.head,
                                 .iteration = sample.iteration,
                                 .stack_id = sample.stack_id,
                                 .cause = model::Cause::python,
                                 .syscall = {},
                                 .culprit = {},
                                 .has_task = sample.has_task,
                                 .callback = sample.callback};
  if (sample.gc) {
    result.cause = model::Cause::gc;
    return result;
  }
  if (sample.kernel) {
    result.cause = model::Cause::kernel;
    result.syscall = proc::syscall_name(sample.syscall);
    return result;
  }
  if (target.maps().find(sample.ip) == nullptr) target.refresh_maps();
  const Code* leaf = &code_at(target, sample.ip);
  if (leaf->place == Place::support) {
    for (const auto word : sample.words) {
      const Code& caller = code_at(target, word);
      if (caller.place == Place::unknown || caller.place == Place::support) continue;
      if (caller.place != Place::foreign_call) leaf = &caller;
      break;
    }
  }
  const bool python = target.interpreter() != nullptr && target.interpreter()->initialized;
  const bool plain_support = leaf->place == Place::support && python && sample.words.empty();
  if (leaf->place == Place::interpreter || plain_support) return result;
  if (leaf->place == Place::unknown && python) return result;
  result.cause = model::Cause::native;
  if (!leaf->library.empty()) {
    model::Culprit culprit;
    culprit.library = leaf->library;
    result.culprit = std::move(culprit);
  }
  return result;
}

}  // namespace aiotrace::app
