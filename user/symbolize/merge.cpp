#include "symbolize/merge.h"

#include <algorithm>

namespace aiotrace::symbolize {
namespace {

constexpr std::string_view kEvaluation = "_PyEval_EvalFrameDefault";
// One function for each instruction, called by the evaluation function (3.14, Python/ceval_macros.h, built with
// --with-tail-call-interp).
constexpr std::string_view kInstruction = "_TAIL_CALL_";

/// An activation: the native frames [first, end).
struct Activation {
  std::size_t first = 0;
  std::size_t end = 0;
};

std::vector<Activation> activations_of(const NativeStack& native) {
  std::vector<Activation> found;
  std::size_t instructions = 0;  // directly inside the present frame
  for (std::size_t i = 0; i < native.frames.size(); ++i) {
    const auto& function = native.frames[i].symbol.function;
    if (is_evaluation(function)) {
      found.push_back({.first = i - instructions, .end = i + 1});
      instructions = 0;
    } else if (function.starts_with(kInstruction)) {
      ++instructions;
    } else {
      instructions = 0;
    }
  }
  return found;
}

/// The sizes of the groups of Python frames that share an activation, innermost first.
std::vector<std::size_t> groups_of(std::span<const PythonMark> python, Sharing sharing, std::size_t activations) {
  if (sharing == Sharing::one_each) return std::vector<std::size_t>(python.size(), 1);
  std::vector<std::size_t> groups;
  if (sharing == Sharing::unknown) {
    const std::size_t count = std::min(activations, python.size());
    groups.assign(count, 1);
    if (count > 0)
      groups.back() += python.size() - count;
    else if (!python.empty())
      groups.push_back(python.size());
    return groups;
  }
  std::size_t size = 0;
  for (const auto& mark : python) {
    ++size;
    if (!mark.entry) continue;
    groups.push_back(size);
    size = 0;
  }
  if (size > 0) groups.push_back(size);
  return groups;
}

}  // namespace

bool is_evaluation(std::string_view function) {
  if (!function.starts_with(kEvaluation)) return false;
  function.remove_prefix(kEvaluation.size());
  return function.empty() || function.front() == '.';
}

std::vector<MergedFrame> merge(const NativeStack& native, std::span<const PythonMark> python, Sharing sharing,
                               bool python_complete) {
  const auto activations = activations_of(native);
  auto groups = groups_of(python, sharing, activations.size());
  const bool from_outside = native.complete && python_complete;
  std::size_t without = 0;  // number of inner activations that run no Python frame
  if (from_outside && activations.size() > groups.size()) without = activations.size() - groups.size();
  if (from_outside && !activations.empty() && groups.size() > activations.size()) {
    const std::size_t surplus = groups.size() - activations.size();
    for (std::size_t i = 0; i < surplus; ++i) groups[surplus] += groups[i];
    groups.erase(groups.begin(), groups.begin() + static_cast<std::ptrdiff_t>(surplus));
  }

  std::vector<MergedFrame> merged;
  merged.reserve(native.frames.size() + python.size());
  std::size_t next_native = 0;
  std::size_t next_python = 0;
  const auto add_native = [&](std::size_t end) {
    for (; next_native < end; ++next_native) merged.push_back({MergedFrame::Kind::native, next_native});
  };
  const auto add_python = [&](std::size_t count) {
    for (; count > 0; --count) merged.push_back({MergedFrame::Kind::python, next_python++});
  };
  for (std::size_t i = without; i < activations.size() && i - without < groups.size(); ++i) {
    add_native(activations[i].first);
    add_python(groups[i - without]);
    next_native = activations[i].end;
  }
  add_native(native.frames.size());
  add_python(python.size() - next_python);
  return merged;
}

}  // namespace aiotrace::symbolize
