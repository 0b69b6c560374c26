#include "output/text/stack.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "model/frame_origin.h"
#include "output/text/style.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

using model::Frame;
using model::Origin;
using Frames = std::vector<const Frame*>;  // innermost first

// Where the loop's own frames begin: all frames outside it are the same for every task. uvloop has no Handle._run in
// Python, so its runner is the first visible frame.
std::size_t end_of_task(const Frames& stack) {
  const auto is_handle = [](const Frame* frame) {
    return frame->file.ends_with("asyncio/events.py") &&
           (frame->function == "Handle._run" || frame->function == "_run");
  };
  const auto is_runner = [](const Frame* frame) { return frame->file.ends_with("asyncio/runners.py"); };
  if (stack.empty()) return 0;
  auto end = std::find_if(stack.begin() + 1, stack.end(), is_handle);
  if (end == stack.end()) end = std::find_if(stack.begin() + 1, stack.end(), is_runner);
  return static_cast<std::size_t>(end - stack.begin());
}

bool nameless(const Frame& frame) { return frame.kind == Frame::Kind::native && frame.function.empty(); }

Frames pointers_to(const model::Stack& stack) {
  Frames frames;
  frames.reserve(stack.size());
  for (const auto& frame : stack) frames.push_back(&frame);
  return frames;
}

// The interpreter's frames between two Python frames are always the same and are left out. The frames inside the
// innermost Python frame were called by it, and are kept. Of several nameless frames in a row in a stripped library,
// one is enough.
Frames without_interpreter(const model::Stack& stack) {
  Frames kept;
  kept.reserve(stack.size());
  bool in_python = false;
  for (const auto& frame : stack) {
    in_python = in_python || frame.kind == Frame::Kind::python;
    const bool interpreter = frame.kind == Frame::Kind::native &&
                             (frame.file.starts_with("libpython3") || frame.file.starts_with("python3"));
    if (in_python && interpreter) continue;
    if (!kept.empty() && nameless(frame) && nameless(*kept.back()) && frame.file == kept.back()->file) continue;
    kept.push_back(&frame);
  }
  return kept;
}

Frames of_task(const model::Stack& stack) {
  auto frames = without_interpreter(stack);
  frames.resize(end_of_task(frames));
  return frames;
}

std::string function_text(const Frame& frame, std::size_t columns) {
  const auto shown = frame.function.empty() ? "?" : clean_for_terminal(frame.function);
  // The end of a qualified name is most informative, but in a C++ name the end has the parameters, and in a JavaScript
  // name the file.
  const bool begins = frame.kind != Frame::Kind::python && shown.contains(' ');
  return begins ? shorten_right(shown, columns) : shorten_left(shown, columns);
}

/// A column of functions, then a column of their places; a null frame becomes the line `gap`.
std::vector<std::string> aligned(const Frames& frames, const std::string& gap, std::size_t indent,
                                 const OutputContext& context) {
  constexpr std::size_t kLeastFunction = 20;
  constexpr std::size_t kMostFunction = 40;
  constexpr std::size_t kGap = 2;
  const auto most = std::clamp(2 * context.columns / 5, kLeastFunction, kMostFunction);
  auto column = kLeastFunction;
  std::vector<std::string> functions;
  for (const auto* frame : frames) {
    functions.push_back(frame == nullptr ? std::string() : function_text(*frame, most));
    column = std::max(column, display_width(functions.back()));
  }
  const auto used = indent + column + kGap;
  const auto room = context.columns > used ? context.columns - used : kLeastFunction;
  const std::string margin(indent, ' ');
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (frames[i] == nullptr) {
      lines.push_back(margin + gap);
      continue;
    }
    const auto place = shorten_left(place_text(frames[i]->file, frames[i]->line), room);
    lines.push_back(margin + (place.empty() ? functions[i] : pad_right(functions[i], column + kGap) + place));
  }
  return lines;
}

/// Frames that are not shown, and their packages.
struct Folded {
  std::size_t frames = 0;
  std::vector<std::string_view> packages;  // in order of occurrence

  void add(std::string_view package) {
    ++frames;
    if (!package.empty() && std::ranges::find(packages, package) == packages.end()) packages.push_back(package);
  }
  /// "14 outer of starlette, fastapi"; with `noun` "14 outer frames of …".
  [[nodiscard]] std::string text(std::string_view adjective, bool noun) const {
    auto text = std::to_string(frames);
    if (!adjective.empty()) text += fmt::format(" {}", adjective);
    if (noun) text += frames == 1 ? " frame" : " frames";
    if (!packages.empty()) text += fmt::format(" of {}", fmt::join(packages, ", "));
    return text;
  }
};

struct Fold {
  Frames shown;
  Folded inner;  // called by the innermost Python frame that is shown
  Folded outer;  // the others
};

/// Shows Python frames of this origin: the program's own if there are any, else those of packages, else all.
Origin origin_to_show(const Frames& frames) {
  auto best = Origin::standard_library;
  for (const auto* frame : frames) {
    if (frame->kind == Frame::Kind::python) best = std::min(best, model::origin_of(frame->file).origin);
  }
  return best;
}

Fold fold(const Frames& frames) {
  const auto wanted = origin_to_show(frames);
  Fold fold;
  bool python_shown = false;
  for (const auto* frame : frames) {
    const auto origin = model::origin_of(frame->file);
    if (frame->kind != Frame::Kind::python || origin.origin == wanted) {
      fold.shown.push_back(frame);
      python_shown = python_shown || frame->kind == Frame::Kind::python;
    } else {
      (python_shown ? fold.outer : fold.inner).add(origin.package());
    }
  }
  return fold;
}

std::string fold_text(const Fold& fold, std::size_t cut) {
  std::vector<std::string> parts;
  if (cut != 0) parts.push_back(Folded{.frames = cut, .packages = {}}.text("more", true));
  if (fold.inner.frames != 0) parts.push_back(fold.inner.text("inner", parts.empty()));
  if (fold.outer.frames != 0) parts.push_back(fold.outer.text(parts.empty() ? "" : "outer", parts.empty()));
  return fmt::format("… {}", fmt::join(parts, "; "));
}

}  // namespace

std::vector<std::string> stack_lines(const model::Stack& whole, std::size_t indent, const OutputContext& context) {
  if (context.verbose) return aligned(pointers_to(whole), {}, indent, context);
  constexpr std::size_t kInner = 16;
  constexpr std::size_t kOuter = 6;
  auto frames = of_task(whole);
  if (frames.size() <= kInner + kOuter + 1) return aligned(frames, {}, indent, context);
  const auto hidden = frames.size() - kInner - kOuter;
  frames.erase(frames.begin() + kInner + 1, frames.end() - kOuter);
  frames[kInner] = nullptr;
  return aligned(frames, fmt::format("… {} more frames", hidden), indent, context);
}

std::vector<std::string> folded_stack_lines(const model::Stack& whole, std::size_t indent, std::size_t most,
                                            const OutputContext& context) {
  if (context.verbose) return stack_lines(whole, indent, context);
  const auto folded = fold(of_task(whole));
  auto shown = folded.shown;
  const bool complete = folded.inner.frames == 0 && folded.outer.frames == 0;
  std::size_t cut = 0;
  if (shown.size() + (complete ? 0 : 1) > std::max<std::size_t>(most, 1)) {
    // Shows the innermost frames, and the outermost ones, where the program was entered.
    const auto kept = std::max<std::size_t>(most, 2) - 1;
    cut = shown.size() - std::min(kept, shown.size());
    const auto* entry = shown.back();
    shown.resize(shown.size() - cut);
    if (cut != 0 && kept > 1) shown.back() = entry;
  }
  auto lines = aligned(shown, {}, indent, context);
  if (cut == 0 && complete) return lines;
  if (lines.size() >= most) return lines;
  const auto room = context.columns > indent ? context.columns - indent : 1;
  const auto rest = shorten_right(clean_for_terminal(fold_text(folded, cut)), room);
  lines.push_back(std::string(indent, ' ') + paint(rest, Color::dim, context));
  return lines;
}

bool same_when_folded(const model::Stack& a, const model::Stack& b) {
  return std::ranges::equal(fold(of_task(a)).shown, fold(of_task(b)).shown, [](const Frame* x, const Frame* y) {
    return x->kind == y->kind && x->function == y->function && x->file == y->file;
  });
}

}  // namespace aiotrace::output
