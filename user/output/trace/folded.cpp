#include "output/trace/folded.h"

#include <algorithm>
#include <ranges>
#include <string_view>
#include <vector>

#include "model/apportion.h"
#include "model/cause.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

// Every character at which a tool may split lines or frames is replaced; so are invisible characters.
std::string safe(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  while (!utf8.empty()) {
    const auto c = next_code_point(utf8);
    if (c == ';') {
      out.push_back(':');
    } else if (is_unsafe(c)) {
      out.push_back('?');
    } else {
      append_utf8(out, c);
    }
  }
  return out;
}

std::string_view root_of(const model::Segment& segment) {
  if (segment.stack_unreadable) return "[unreadable];";
  if (segment.stack_too_deep) return "[too deep];";
  return segment.stack ? "" : "[no stack];";
}

std::string leaf_of(const model::Segment& segment) {
  auto leaf = "[" + std::string(model::name(segment.cause)) + "]";
  if (!segment.syscall.empty()) leaf += ";[" + safe(segment.syscall) + "]";
  return leaf;
}

std::string line_of(const model::Segment& segment) {
  std::string line(root_of(segment));
  if (segment.stack) {
    for (const auto& frame : std::views::reverse(*segment.stack)) line += folded_frame(frame) + ";";
  }
  return line + leaf_of(segment);
}

}  // namespace

std::string folded_frame(const model::Frame& frame) {
  auto text = frame.function.empty() ? std::string("?") : safe(frame.function);
  if (text.front() == '[') text.front() = '(';
  if (frame.file.empty()) return text;
  text += " (" + safe(frame.file);
  if (frame.line != 0) text += ":" + std::to_string(frame.line);
  return text + ")";
}

Status write_folded(const model::WeightedStacks& stacks, Sink& sink) {
  constexpr std::uint64_t kMicro = 1000;
  for (const auto& [frames, weight, times] : stacks.stacks()) {
    const auto micros = (weight + kMicro / 2) / kMicro;
    if (micros == 0) continue;
    std::string line;
    for (const auto index : frames) {
      const auto& frame = stacks.frames()[index];
      if (!line.empty()) line += ";";
      line += frame.kind == model::WeightedFrame::Kind::mark
                  ? safe(frame.function)
                  : folded_frame({.function = frame.function, .file = frame.file, .line = frame.line});
    }
    if (auto status = sink.write_line(line + " " + std::to_string(micros)); !status) return status;
  }
  return {};
}

void FoldedOutput::add(const model::Stall& stall) {
  for (const auto& segment : stall.segments) {
    auto line = line_of(segment);
    if (ns_by_stack_.size() >= kMaxLines && !ns_by_stack_.contains(line)) line = "[other stacks];" + leaf_of(segment);
    ns_by_stack_[line] += segment.ns;
  }
}

Status FoldedOutput::write(Sink& sink) const {
  constexpr std::uint64_t kMicro = 1000;
  std::vector<std::uint64_t> weights;
  std::uint64_t total = 0;
  for (const auto& [line, ns] : ns_by_stack_) {
    weights.push_back(ns);
    total += ns;
  }
  const auto micros = model::apportion(total / kMicro, weights);
  auto micro = micros.begin();
  for (const auto& [line, ns] : ns_by_stack_) {
    const auto weight = *micro++;
    if (weight == 0) continue;
    if (auto status = sink.write_line(line + " " + std::to_string(weight)); !status) return status;
  }
  return {};
}

Status write_folded(const std::vector<model::AwaitRow>& rows, Sink& sink) {
  constexpr std::uint64_t kMicro = 1000;
  for (const auto& row : rows) {
    if (row.total_ns < kMicro) continue;
    if (auto status = sink.write_line(row.site.coroutine + " " + std::to_string(row.total_ns / kMicro)); !status)
      return status;
  }
  return {};
}

}  // namespace aiotrace::output
