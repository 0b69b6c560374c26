#include "app/code_store.h"

#include "python/line_table.h"
#include "python/text.h"

namespace aiotrace::app {

namespace {

// The largest line table that is read: the table of a module with a million lines takes about 4 MB.
constexpr std::size_t kMaxLineTable = 4u << 20;
constexpr std::size_t kMaxName = std::size_t{64} * 1024;

}  // namespace

bool CodeStore::add(const model::CodeSeen& seen, const python::Interpreter* interpreter, const proc::Memory* memory) {
  auto& codes = processes_[seen.head.pid];
  if (codes.by_id.size() >= kMaxCodes || codes.bytes >= kMaxBytes) return false;
  Code code{.function = seen.function,
            .file = seen.file,
            .first_line = seen.first_line,
            .version = interpreter != nullptr ? interpreter->version_hex : 0,
            .line_table = seen.linetable};
  bool named = !code.function.empty();
  if (interpreter != nullptr && memory != nullptr) {
    if (seen.function_cut || seen.function.empty()) {
      if (auto text = python::read_text(*memory, interpreter->layout, seen.function_address, kMaxName)) {
        code.function = std::move(*text);
        named = true;  // an empty name is allowed too
      }
    }
    if (seen.file_cut || seen.file.empty()) {
      if (auto text = python::read_text(*memory, interpreter->layout, seen.file_address, kMaxName))
        code.file = std::move(*text);
    }
    if (code.line_table.empty() && seen.linetable_size != 0) {
      if (auto bytes = python::read_bytes(*memory, interpreter->layout, seen.linetable_address, kMaxLineTable))
        code.line_table.assign(bytes->begin(), bytes->end());
    }
  }
  if (!named) code.function = "?";
  codes.bytes += code.function.size() + code.file.size() + code.line_table.size();
  codes.by_id.insert_or_assign(seen.code_id, std::move(code));
  return named;
}

const CodeStore::Code* CodeStore::find(std::uint32_t pid, std::uint64_t code_id) const {
  const auto process = processes_.find(pid);
  if (process == processes_.end()) return nullptr;
  const auto code = process->second.by_id.find(code_id);
  return code == process->second.by_id.end() ? nullptr : &code->second;
}

model::Frame CodeStore::resolve(std::uint32_t pid, const model::RawFrame& raw) const {
  model::Frame frame;
  const Code* code = find(pid, raw.code_id);
  if (code == nullptr) {
    frame.function = "?";
    return frame;
  }
  frame.function = code->function;
  frame.file = code->file;
  const auto line = python::line_of(code->version, code->line_table, code->first_line, raw.lasti);
  frame.line = line.value_or(0);
  return frame;
}

std::optional<model::Definition> CodeStore::definition(std::uint32_t pid, std::uint64_t code_id) const {
  const Code* code = find(pid, code_id);
  if (code == nullptr) return std::nullopt;
  return model::Definition{.function = code->function, .file = code->file, .first_line = code->first_line};
}

}  // namespace aiotrace::app
