#include "model/frame_origin.h"

#include <algorithm>
#include <iterator>
#include <ranges>

namespace aiotrace::model {
namespace {

constexpr std::string_view kFrozen = "<frozen ";

std::string_view without_suffix(std::string_view path) {
  for (const std::string_view suffix : {".py", "/__init__"}) {
    if (path.ends_with(suffix)) path.remove_suffix(suffix.size());
  }
  return path;
}

/// The part after "/lib/python3.X/" ("t" after the number: a free-threaded build); empty if the path has no such
/// folder.
std::string_view below_library(std::string_view file) {
  std::string_view folder = "/lib/python3.";
  auto at = file.find(folder);
  if (at == std::string_view::npos) at = file.find(folder = "/lib64/python3.");  // Fedora's, openSUSE's
  if (at == std::string_view::npos) return {};
  auto rest = file.substr(at + folder.size());
  const auto digits = rest.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string_view::npos) return {};
  rest.remove_prefix(digits);
  if (rest.starts_with("t/")) rest.remove_prefix(1);
  return rest.starts_with('/') ? rest.substr(1) : std::string_view();
}

}  // namespace

FileOrigin origin_of(std::string_view file) {
  if (file.starts_with(kFrozen)) {
    auto module = file.substr(kFrozen.size());
    if (module.ends_with('>')) module.remove_suffix(1);
    return {.origin = Origin::standard_library, .module = module};
  }
  for (const std::string_view folder : {"/site-packages/", "/dist-packages/"}) {
    if (const auto at = file.rfind(folder); at != std::string_view::npos)
      return {.origin = Origin::package, .module = without_suffix(file.substr(at + folder.size()))};
  }
  const auto below = below_library(file);
  if (below.empty()) return {};
  return {.origin = Origin::standard_library, .module = without_suffix(below)};
}

// Of its class, or plain as code objects have it up to 3.10.
bool runs_callbacks(const Frame& frame) {
  const auto at = origin_of(frame.file);
  if (at.module == "asyncio/runners") return true;
  const auto function = std::string_view(frame.function).substr(frame.function.rfind('.') + 1);
  if (at.module == "asyncio/events") return function == "_run";
  if (at.module == "asyncio/base_events")
    return function == "_run_once" || function == "run_forever" || function == "run_until_complete";
  return at.package() == "uvloop" && function == "run";
}

const Frame* own_frame(const Stack& stack) {
  auto python = stack | std::views::filter([](const Frame& frame) { return frame.kind == Frame::Kind::python; });
  const auto loop = std::ranges::find_if(python, runs_callbacks);
  const auto own = find_own(python.begin(), loop, [](const Frame& frame) -> std::string_view { return frame.file; });
  return own == python.end() ? nullptr : &*own;
}

}  // namespace aiotrace::model
