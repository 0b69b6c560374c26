// Objects of CPython 3.14 in memory made by a test.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fake_memory.h"
#include "python/interpreter.h"
#include "python/library_files.h"

namespace aiotrace::testing {

class FakePython {
 public:
  static constexpr std::uint64_t kHeap = 0x7f0000000000;
  static constexpr std::size_t kSize = 0x100000;
  using Items = std::vector<std::pair<std::string, std::uint64_t>>;

  FakePython() {
    interpreter.layout = *python::layout_for(0x030e08f0);
    interpreter.layout.bpf.version = interpreter.version_hex = 0x030e08f0;
    memory.add(kHeap, kSize);
    for (const char* name : {"type", "str", "dict", "function", "code", "module", "NoneType", "list"}) type(name);
    none = object("NoneType", 16);
  }

  FakeMemory memory;
  python::Interpreter interpreter;
  std::uint64_t none = 0;

  /// A type by its tp_name; made when it is first asked for.
  std::uint64_t type(const std::string& name, std::int64_t basicsize = 64) {
    if (const auto known = types_.find(name); known != types_.end()) return known->second;
    const std::uint64_t at = take(user().heap_type_size);
    const std::uint64_t text = take(name.size() + 1);
    memory.write(text, name);
    memory.put(at + user().type_name, text);
    memory.put(at + user().type_basicsize, basicsize);
    types_.emplace(name, at);
    memory.put(at + bpf().obj_type, types_.contains("type") ? types_.at("type") : at);
    return at;
  }
  /// An object that is referred to, and known to the collector.
  std::uint64_t object(const std::string& type_name, std::size_t size) {
    const std::uint64_t head = take(size + 16);
    memory.put(head + 8, head);
    memory.put(head + 16, std::uint64_t{1});
    memory.put(head + 16 + bpf().obj_type, type(type_name));
    return head + 16;
  }
  std::uint64_t str(std::string_view text) {
    const std::uint64_t at = object("str", bpf().unicode_ascii_data + text.size() + 1);
    memory.put(at + bpf().unicode_length, text.size());
    memory.put(at + bpf().unicode_state,
               1u << user().unicode_kind_shift | 1u << user().unicode_compact_bit | 1u << user().unicode_ascii_bit);
    memory.write(at + bpf().unicode_ascii_data, text);
    return at;
  }
  std::uint64_t dict(const Items& items) {
    unsigned log2_size = 3;
    while ((1u << log2_size) < items.size() * 2) ++log2_size;
    const std::uint64_t keys = take(bpf().keys_indices + (1u << log2_size) + 24 * items.size());
    memory.put(keys + bpf().keys_log2_size, static_cast<std::uint8_t>(log2_size));
    memory.put(keys + bpf().keys_log2_index_bytes, static_cast<std::uint8_t>(log2_size));
    memory.put(keys + bpf().keys_nentries, std::uint64_t{items.size()});
    std::uint64_t entry = keys + bpf().keys_indices + (1u << log2_size);
    for (const auto& [key, value] : items) {
      memory.put(entry + 8, str(key));
      memory.put(entry + 16, value);
      entry += 24;
    }
    const std::uint64_t at = object("dict", 64);
    memory.put(at + user().dict_used, std::uint64_t{items.size()});
    memory.put(at + bpf().dict_keys, keys);
    return at;
  }
  std::uint64_t module(std::uint64_t names) {
    const std::uint64_t at = object("module", 64);
    memory.put(at + user().module_dict, names);
    return at;
  }
  std::uint64_t code(std::string_view file, std::string_view function) {
    const std::uint64_t at = object("code", user().code_size);
    memory.put(at + bpf().code_filename, str(file));
    memory.put(at + bpf().code_name, str(function));
    memory.put(at + bpf().code_qualname, str(function));
    memory.put(at + bpf().code_linetable, object("bytes", 64));
    return at;
  }
  /// `globals`: the dict of the module that it was defined in.
  std::uint64_t function(std::uint64_t code, std::uint64_t globals) {
    const std::uint64_t at = object("function", user().function_closure + 64);
    memory.put(at + bpf().obj_type + 8, globals);
    memory.put(at + user().function_code, code);
    return at;
  }
  /// A module with one function of its own, compiled from `source`, and __file__.
  std::uint64_t module_of(std::string_view source, std::string_view file) {
    const std::uint64_t names = dict({{"__file__", str(file)}, {"own", none}});
    const std::uint64_t keys = memory.read<std::uint64_t>(names + bpf().dict_keys).value_or(0);
    // The second of its two entries, behind the index of eight slots.
    memory.put(keys + bpf().keys_indices + 8 + 24 + 16, function(code(source, "own"), names));
    return module(names);
  }

  std::uint64_t tuple(const std::vector<std::uint64_t>& items) {
    const std::uint64_t at = object("tuple", user().tuple_items + 8 * items.size() + 8);
    memory.put(at + bpf().bytes_size, std::uint64_t{items.size()});
    for (std::size_t i = 0; i < items.size(); ++i) memory.put(at + user().tuple_items + 8 * i, items[i]);
    return at;
  }
  /// A class of a program: `bases` are those behind itself in its order of resolution. Instances have a __dict__.
  std::uint64_t class_of(const std::string& name, std::vector<std::uint64_t> bases) {
    const std::uint64_t at = type(name, 32);
    bases.insert(bases.begin(), at);
    memory.put(at + user().type_dictoffset, std::int64_t{24});
    memory.put(at + user().type_mro, tuple(bases));
    return at;
  }
  std::uint64_t instance(const std::string& class_name, const Items& attributes) {
    const std::uint64_t at = object(class_name, 32);
    memory.put(at + 24, dict(attributes));
    return at;
  }
  /// A suspended coroutine (or generator) of a function with these variables. `awaits`: 0 for a plain yield.
  std::uint64_t coroutine(std::string_view file, std::string_view function, const Items& variables,
                          std::uint64_t awaits, const std::string& type_name = "coroutine") {
    const std::uint64_t its_code = code(file, function);
    std::vector<std::uint64_t> names;
    for (const auto& [name, value] : variables) names.push_back(str(name));
    memory.put(its_code + user().code_varnames, tuple(names));
    memory.put(its_code + bpf().code_firstlineno + 4, static_cast<std::uint32_t>(names.size()));
    const std::uint64_t at = object(type_name, bpf().gen_iframe + bpf().frame_localsplus + 8 * (names.size() + 2));
    memory.put(at + user().coro_state, static_cast<std::int8_t>(awaits != 0 ? -1 : -2));
    memory.put(at + bpf().gen_qualname, str(function));
    const std::uint64_t frame = at + bpf().gen_iframe;
    memory.put(frame + bpf().frame_code, its_code);
    memory.put(frame + bpf().frame_owner, std::uint8_t{1});
    std::uint64_t slot = frame + bpf().frame_localsplus;
    for (const auto& [name, value] : variables) {
      memory.put(slot, value);
      slot += 8;
    }
    memory.put(slot, awaits);
    memory.put(frame + user().frame_stacktop, slot + 8);
    return at;
  }
  /// sys.modules. asyncio counts as imported then.
  void import(const Items& modules) {
    interpreter.main_interpreter = take(user().interp_size);
    const std::uint64_t names = dict(modules);
    memory.put(interpreter.main_interpreter + user().interp_modules, names);
    interpreter.libraries = python::LibraryFiles::find(memory, interpreter.layout, names);
    interpreter.asyncio_loaded = true;
    interpreter.coro_type = type("coroutine", user().coro_size);
    interpreter.gen_type = type("generator");
    interpreter.async_gen_type = type("async_generator");
  }

  [[nodiscard]] const py_layout& bpf() const { return interpreter.layout.bpf; }
  [[nodiscard]] const python::UserLayout& user() const { return interpreter.layout.user; }

 private:
  std::uint64_t take(std::size_t size) {
    const std::uint64_t at = next_;
    next_ += (size + 31) / 16 * 16;
    return at;
  }

  std::uint64_t next_ = kHeap + 0x100;
  std::map<std::string, std::uint64_t> types_;
};

}  // namespace aiotrace::testing
