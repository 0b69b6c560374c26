#include "python/code_cache.h"

#include <algorithm>

#include "python/line_table.h"
#include "python/text.h"

namespace aiotrace::python {

std::vector<std::string> CodeCache::read_locals(std::uint64_t code) const {
  std::vector<std::string> names;
  const auto tuple = memory_.pointer(code + layout_.user.code_varnames);
  const auto size = tuple ? memory_.read<std::int64_t>(*tuple + layout_.bpf.bytes_size) : std::nullopt;
  if (!size || *size <= 0) return names;
  std::vector<std::uint64_t> items(std::min<std::size_t>(static_cast<std::size_t>(*size), kMaxLocals));
  if (!memory_.read(*tuple + layout_.user.tuple_items, std::as_writable_bytes(std::span(items)))) return names;
  for (const std::uint64_t item : items) names.push_back(read_text(memory_, layout_, item, 64).value_or(""));
  return names;
}

CodeCache::Known* CodeCache::look(std::uint64_t code) {
  if (code == 0) return nullptr;
  const py_layout& bpf = layout_.bpf;
  const auto name = memory_.pointer(code + (bpf.code_qualname != kNoOffset ? bpf.code_qualname : bpf.code_name));
  const auto file = memory_.pointer(code + bpf.code_filename);
  const auto table = memory_.pointer(code + bpf.code_linetable);
  const auto first_line = memory_.read<std::uint32_t>(code + bpf.code_firstlineno);
  if (!name || !file || !table || !first_line) return nullptr;
  Known now{.name = *name, .file = *file, .table = *table, .first_line = *first_line, .info = {}, .line_of = {}};
  const auto kept = known_.find(code);
  if (kept != known_.end() && kept->second == now) return &kept->second;

  const auto function = read_text(memory_, layout_, *name, kMaxName);
  const auto path = read_text(memory_, layout_, *file, kMaxName);
  const auto flags = memory_.read<std::uint32_t>(code + bpf.code_flags);
  if (!function || !path || !flags) return nullptr;
  auto info = std::make_shared<CodeInfo>(CodeInfo{.function = *function,
                                                  .file = *path,
                                                  .first_line = *first_line,
                                                  .flags = *flags,
                                                  .lines = {},
                                                  .locals = read_locals(code)});
  if (const auto bytes = read_bytes(memory_, layout_, *table, kMaxLineTable)) {
    info->lines.assign(bytes->begin(), bytes->end());
    info->lines_known = true;
  }
  if (known_.size() >= kMaxCodes || bytes_ >= kMaxBytes) {
    known_.clear();
    bytes_ = 0;
  }
  bytes_ += sizeof(Known) + sizeof(CodeInfo) + function->size() + path->size() + info->lines.size() +
            32 * info->locals.size();
  now.info = std::move(info);
  return &known_.insert_or_assign(code, std::move(now)).first->second;
}

std::shared_ptr<const CodeInfo> CodeCache::find(std::uint64_t code) {
  const Known* known = look(code);
  return known != nullptr ? known->info : nullptr;
}

std::uint32_t CodeCache::line(std::uint64_t code, std::int32_t lasti) {
  constexpr std::size_t kMaxKept = 4096;  // places in one code object
  Known* known = look(code);
  if (known == nullptr || !known->info->lines_known) return 0;
  const auto kept = known->line_of.find(lasti);
  if (kept != known->line_of.end()) return kept->second;
  const auto line = line_of(layout_.bpf.version, known->info->lines, known->info->first_line, lasti).value_or(0);
  if (known->line_of.size() < kMaxKept) known->line_of.emplace(lasti, line);
  return line;
}

}  // namespace aiotrace::python
