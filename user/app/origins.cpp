#include "app/origins.h"

#include <string>
#include <utility>

#include "app/code_in_file.h"
#include "proc/maps.h"
#include "proc/memory.h"
#include "python/creation.h"
#include "python/interpreter.h"
#include "util/hash.h"

namespace aiotrace::app {
namespace {

// Creators beyond this number are reported without their stacks.
constexpr std::size_t kMaxExamples = 10'000;

std::uint64_t id_of(const probe::Maker& maker) {
  std::size_t id = 1;
  for (const auto& frame : maker.frames) {
    hash_into(id, frame.code);
    hash_into(id, frame.lasti);
  }
  return id | 1;
}

}  // namespace

Result<Origins> Origins::watch(const proc::Process& process) {
  const auto maps = proc::Maps::read(process.pid());
  if (!maps) return std::unexpected(maps.error());
  const proc::LiveMemory memory(process.pid());
  const auto interpreter = python::inspect(process, *maps, memory);
  if (!interpreter) return std::unexpected(python::as_error(interpreter.error(), process));
  const auto makers = python::find_coroutine_makers(*interpreter, process, *maps);
  if (!makers) return std::unexpected(makers.error());
  auto probe = probe::OriginProbe::load(python::origin_config_of(*interpreter, process));
  if (!probe) return std::unexpected(probe.error());
  for (const std::uint64_t maker : *makers) {
    const auto code = code_in_file(process.pid(), *maps, maker);
    if (!code) return std::unexpected(code.error());
    if (auto status = probe->attach(code->path, code->offset); !status) return std::unexpected(status.error());
  }
  return Origins(std::move(*probe));
}

void Origins::begin_look() {
  before_ = std::move(now_);
  now_.clear();
}

std::optional<Origins::Origin> Origins::of(std::uint64_t address) {
  if (const auto known = now_.find(address); known != now_.end()) return known->second;
  if (const auto maker = probe_.of(address)) {
    const Origin found{.made_ns = maker->made_ns, .id = id_of(*maker)};
    if (examples_.size() < kMaxExamples) examples_.try_emplace(found.id, *maker);
    now_.emplace(address, found);
    return found;
  }
  // A later object at that address would have an entry of its own.
  const auto before = before_.find(address);
  if (before == before_.end()) return std::nullopt;
  now_.emplace(address, before->second);
  return before->second;
}

model::Stack Origins::stack(std::uint64_t id, python::CodeCache& codes) const {
  model::Stack stack;
  const auto example = examples_.find(id);
  if (example == examples_.end()) return stack;
  for (const auto& frame : example->second.frames) {
    const auto code = codes.find(frame.code);
    if (code == nullptr) continue;
    stack.push_back({.kind = model::Frame::Kind::python,
                     .function = code->function,
                     .file = code->file,
                     .line = codes.line(frame.code, frame.lasti)});
  }
  return stack;
}

}  // namespace aiotrace::app
