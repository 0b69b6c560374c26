#include "python/with_blocks.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "python/exception_table.h"
#include "python/frame_slots.h"
#include "python/text.h"

namespace aiotrace::python {
namespace {

constexpr std::uint32_t kPython311 = 0x030b0000;
constexpr std::uint32_t kPython314 = 0x030e0000;
// An entry has four bytes or more: a function of a thousand lines has some hundred entries.
constexpr std::size_t kMaxTable = 16u << 10;
// Limit for all stored tables, however many functions a program claims to have.
constexpr std::size_t kMaxTables = 16u << 20;
constexpr std::size_t kMaxKept = 50'000;
// A deeper stack is not believed: co_stacksize of real code is some tens.
constexpr std::uint32_t kMaxDepth = 4096;

bool is_exit(std::string_view name) { return name == "__exit__" || name == "__aexit__"; }

}  // namespace

std::uint64_t WithBlocks::field(std::uint64_t object, unsigned index) const {
  const std::uint64_t first = object + reader_.interpreter().layout.bpf.obj_type + 8;
  return reader_.memory().read<std::uint64_t>(first + std::uint64_t{8} * index).value_or(0);
}

std::uint64_t WithBlocks::stack_slot(std::uint64_t at) const {
  const std::uint64_t word = reader_.memory().read<std::uint64_t>(at).value_or(0);
  return (reader_.interpreter().layout.bpf.flags & PY_TAGGED_REFS) != 0 ? word & ~std::uint64_t{3} : word;
}

const WithBlocks::Table& WithBlocks::table_of(std::uint64_t code) {
  const auto known = tables_.find(code);
  if (known != tables_.end()) return known->second;
  if (tables_.size() >= kMaxKept || table_bytes_ + kMaxTable > kMaxTables) {
    tables_.clear();
    table_bytes_ = 0;
  }
  const Layout& layout = reader_.interpreter().layout;
  Table table;
  // PyCodeObject, Include/cpython/code.h of 3.11 to 3.15: co_exceptiontable, then co_flags.
  const auto object = reader_.memory().pointer(code + layout.bpf.code_flags - 8);
  const auto bytes = object ? read_bytes(reader_.memory(), layout, *object, kMaxTable) : std::nullopt;
  if (bytes) {
    const std::span raw(reinterpret_cast<const std::uint8_t*>(bytes->data()), bytes->size());
    table.emplace(raw.begin(), raw.end());
    table_bytes_ += raw.size();
  }
  return tables_.emplace(code, std::move(table)).first->second;
}

// Handlers are themselves covered by the surrounding handlers: the handler of an `await` by its CLEANUP_THROW, and that
// by the handler of the block. A handler with a deeper stack cleans up values that the first handler pushes, and these
// do not exist yet.
WithBlocks::Slots WithBlocks::depths_in(const std::vector<std::uint8_t>& table, std::uint32_t lasti) {
  Slots found;
  auto handler = handler_of(table, lasti);
  for (unsigned i = 0; handler && i < 4 * kMaxBlocks && found.size() < kMaxBlocks; ++i) {
    if (handler->depth > kMaxDepth) break;
    if (found.empty() || handler->depth < found.back()) found.push_back(handler->depth);
    handler = handler_of(table, handler->target);
  }
  std::ranges::sort(found);
  return found;
}

std::optional<WithBlocks::Slots> WithBlocks::depths(const Coroutine& frame) {
  if (frame.lasti < 0) return Slots{};
  const std::uint64_t key = frame.code + static_cast<std::uint64_t>(frame.lasti);  // inside of the code object
  if (const auto known = depths_.find(key); known != depths_.end()) return known->second;
  if (depths_.size() >= kMaxKept) depths_.clear();
  const Table& table = table_of(frame.code);
  std::optional<Slots> found;
  if (table) found = depths_in(*table, static_cast<std::uint32_t>(frame.lasti));
  return depths_.emplace(key, std::move(found)).first->second;
}

// PyFrameObject, Include/frameobject.h of 3.8 and 3.9, Include/cpython/frameobject.h of 3.10: int f_iblock; char
// f_executing or f_state; PyTryBlock {int b_type, b_handler, b_level} f_blockstack[CO_MAXBLOCKS].
WithBlocks::Slots WithBlocks::block_levels(std::uint64_t frame) const {
  constexpr std::int32_t kMaxTryBlocks = 20;
  constexpr std::int32_t kSetupFinally = 122;  // Include/opcode.h
  struct TryBlock {
    std::int32_t type, handler, level;
  };
  const std::uint64_t state = frame + reader_.interpreter().layout.user.frame_state;
  const auto count = reader_.memory().read<std::int32_t>(state - 4);
  if (!count || *count <= 0 || *count > kMaxTryBlocks) return {};
  std::array<TryBlock, kMaxTryBlocks> blocks{};
  const auto used = std::span(blocks).first(static_cast<std::size_t>(*count));
  if (!reader_.memory().read(state + 4, std::as_writable_bytes(used))) return {};
  Slots levels;
  for (const TryBlock& block : used) {
    if (block.type != kSetupFinally || block.level <= 0 || block.level > static_cast<std::int32_t>(kMaxDepth)) continue;
    const auto level = static_cast<std::uint32_t>(block.level);
    if (levels.empty() || levels.back() != level) levels.push_back(level);
  }
  return levels;
}

// A Python function, or a method descriptor of a type written in C.
bool WithBlocks::exits(std::uint64_t function) {
  const std::string& type = reader_.type_name(function);
  const Layout& layout = reader_.interpreter().layout;
  if (type == "function") {
    const auto code = reader_.memory().pointer(function + layout.user.function_code);
    const auto name = code ? reader_.memory().pointer(*code + layout.bpf.code_name) : std::nullopt;
    const auto text = name ? reader_.objects().text(*name, 16) : std::nullopt;
    return text && is_exit(*text);
  }
  if (type != "method_descriptor") return false;
  // PyDescrObject, Include/descrobject.h: the head, d_type, d_name.
  const auto text = reader_.objects().text(field(function, 1), 16);
  return text && is_exit(*text);
}

std::uint64_t WithBlocks::self_of_exit(std::uint64_t method) {
  const std::string& type = reader_.type_name(method);
  // PyMethodObject, Include/cpython/classobject.h: the head, im_func, im_self.
  if (type == "method") return exits(field(method, 0)) ? field(method, 1) : 0;
  if (type != "builtin_function_or_method") return 0;
  // PyCFunctionObject, Include/cpython/methodobject.h: the head, m_ml, m_self; PyMethodDef begins with its name.
  const auto name = reader_.memory().pointer(field(method, 0));
  std::array<char, 10> text{};
  if (!name || !reader_.memory().read(*name, std::as_writable_bytes(std::span(text)))) return 0;
  const std::string_view read(text.data(), text.size());
  return is_exit(read.substr(0, read.find('\0'))) ? field(method, 1) : 0;
}

// Up to 3.13 a bound method in the slot below; from 3.14 on the function and, above it, its self, or a bound method and
// a null (LOAD_SPECIAL, Python/bytecodes.c).
std::uint64_t WithBlocks::manager_below(std::uint64_t stack, std::uint32_t depth) {
  if (reader_.interpreter().layout.bpf.version < kPython314)
    return depth >= 1 ? self_of_exit(stack_slot(stack + 8 * (std::uint64_t{depth} - 1))) : 0;
  if (depth < 2) return 0;
  const std::uint64_t function = stack_slot(stack + 8 * (std::uint64_t{depth} - 2));
  const std::uint64_t self = stack_slot(stack + 8 * (std::uint64_t{depth} - 1));
  if (self == 0) return self_of_exit(function);
  return exits(function) ? self : 0;
}

std::optional<std::vector<std::uint64_t>> WithBlocks::managers(const Coroutine& frame) {
  std::vector<std::uint64_t> found;
  if (frame.frame == 0 || frame.code == 0 || frame.state == CoroutineState::created) return found;
  const auto& [bpf, user] = reader_.interpreter().layout;
  const bool tables = bpf.version >= kPython311;
  const auto levels = tables ? depths(frame) : block_levels(frame.frame);
  if (!levels) return std::nullopt;
  if (levels->empty()) return found;
  const std::uint64_t stack =
      tables ? frame.frame + bpf.frame_localsplus + 8 * variable_slots(reader_, frame)
             : reader_.memory().read<std::uint64_t>(frame.frame + user.frame_valuestack).value_or(0);
  if (stack == 0) return found;
  for (const std::uint32_t depth : *levels) {
    if (const std::uint64_t manager = manager_below(stack, depth); manager != 0) found.push_back(manager);
  }
  return found;
}

}  // namespace aiotrace::python
