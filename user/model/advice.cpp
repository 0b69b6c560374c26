#include "model/advice.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "advice_rules.gen.h"
#include "model/cause.h"
#include "model/frame_origin.h"
#include "util/glob.h"

namespace aiotrace::model {
namespace {

constexpr std::size_t kLongestName = 512;
constexpr std::size_t kMostFrames = 256;

/// Calls `matches` with each pattern until it returns true.
template <class Matches>
bool any_pattern(std::string_view patterns, Matches matches) {
  while (!patterns.empty()) {
    const auto comma = std::min(patterns.find(','), patterns.size());
    if (matches(patterns.substr(0, comma))) return true;
    patterns.remove_prefix(std::min(comma + 1, patterns.size()));
  }
  return false;
}

/// The parts of a library's frame.
struct Call {
  const Frame* frame = nullptr;
  std::string module;
  bool standard = false;
  std::string_view function;  // without its class
};

/// The frames from the place where a thread was to the program's own function that called the library.
struct Calls {
  std::vector<Call> libraries;  // innermost first
  const Frame* caller = nullptr;
};

std::string_view last_name(std::string_view qualified) {
  const auto dot = qualified.rfind('.');
  return dot == std::string_view::npos ? qualified : qualified.substr(dot + 1);
}

// A callback or a task begins here: frames further out belong to the loop, or to the code that started it.
bool is_loop(const Call& call) {
  return call.standard &&
         ((call.module == "asyncio/events" && call.function == "_run") || call.module == "asyncio/runners");
}

Calls calls_in(const Stack& stack) {
  Calls calls;
  std::size_t looked_at = 0;
  for (const auto& frame : stack) {
    if (frame.kind != Frame::Kind::python) continue;
    if (++looked_at > kMostFrames) break;
    const auto [origin, module] = origin_of(frame.file);
    if (module.empty() || module.size() > kLongestName) {
      // Functions that a library has generated ("<string>", "<attrs generated init …>") belong to no library.
      if (frame.file.starts_with('<')) continue;
      calls.caller = &frame;
      break;
    }
    Call call{.frame = &frame,
              .module = std::string(module),
              .standard = origin == Origin::standard_library,
              .function = last_name(frame.function)};
    if (frame.file.starts_with('<')) std::ranges::replace(call.module, '.', '/');
    if (is_loop(call)) break;
    calls.libraries.push_back(std::move(call));
  }
  return calls;
}

/// The data to match, collected once for all rules.
struct Facts {
  const Segment* segment = nullptr;
  bool python_loop = true;
  Calls calls;
  std::vector<const Frame*> native;  // the innermost native frames, before any of Python
};

Facts facts_of(const Segment& segment, LoopKind loop) {
  Facts facts{.segment = &segment, .python_loop = loop != LoopKind::other, .calls = {}, .native = {}};
  if (segment.cause == Cause::gil) {
    // The advice concerns the thread that held it; the place where this thread waited is accidental.
    if (const auto* holder = culprit_as<GilHolder>(segment.culprit)) facts.calls = calls_in(holder->stack);
    return facts;
  }
  if (!segment.stack) return facts;
  facts.calls = calls_in(*segment.stack);
  for (const auto& frame : *segment.stack) {
    if (frame.kind == Frame::Kind::python || facts.native.size() >= kMostFrames) break;
    if (frame.kind == Frame::Kind::native) facts.native.push_back(&frame);
  }
  return facts;
}

bool is_module(std::string_view patterns, std::string_view module) {
  return any_pattern(patterns, [module](std::string_view pattern) {
    // Globs are rare here, and comparing the beginning of a path is fast.
    if (pattern.find_first_of("*?") != std::string_view::npos) return matches_any(pattern, module);
    return module.starts_with(pattern) && (module.size() == pattern.size() || module[pattern.size()] == '/');
  });
}

constexpr std::size_t kNoFrame = 0;

/// How well a rule matches: the larger value wins.
struct Rank {
  std::size_t frame = kNoFrame;  // 1 for the innermost
  std::size_t conditions = 0;
  bool operator>(const Rank& other) const {
    return frame != other.frame ? frame > other.frame : conditions > other.conditions;
  }
};

bool native_matches(const AdviceRule& rule, const Facts& facts) {
  const auto same = [&rule](std::string_view library, std::string_view function) {
    return (rule.library.empty() || matches_any(rule.library, library)) &&
           (rule.native.empty() || matches_any(rule.native, function));
  };
  const auto* culprit = culprit_as<NativeFunction>(facts.segment->culprit);
  if (culprit != nullptr && same(culprit->library, culprit->function)) return true;
  return std::ranges::any_of(facts.native, [&same](const Frame* frame) { return same(frame->file, frame->function); });
}

std::optional<Rank> rank_of(const AdviceRule& rule, const Facts& facts) {
  const auto& segment = *facts.segment;
  if ((rule.causes & cause_bit(segment.cause)) == 0) return std::nullopt;
  if (rule.loop != AdviceRule::Loop::any && (rule.loop == AdviceRule::Loop::python) != facts.python_loop)
    return std::nullopt;
  const auto* file = culprit_as<FileUse>(segment.culprit);
  const auto* mapped = culprit_as<MappedFile>(segment.culprit);
  const auto* socket = culprit_as<SocketEnds>(segment.culprit);
  const auto* quota = culprit_as<CpuQuota>(segment.culprit);
  const std::string_view path = file != nullptr ? file->path : mapped != nullptr ? mapped->path : std::string_view();
  Rank rank;
  const std::array<std::pair<std::string_view, std::string_view>, 5> simple{
      {{rule.syscall, segment.syscall},
       {rule.path, path},
       {rule.op, file != nullptr ? file->op : std::string_view()},
       {rule.peer, socket != nullptr ? socket->peer : std::string_view()},
       {rule.cgroup, quota != nullptr ? quota->cgroup : std::string_view()}}};
  for (const auto& [patterns, text] : simple) {
    if (patterns.empty()) continue;
    if (!matches_any(patterns, text)) return std::nullopt;
    ++rank.conditions;
  }
  if (rule.dns) {
    if (socket == nullptr || !socket->dns.value_or(false)) return std::nullopt;
    ++rank.conditions;
  }
  if (!rule.library.empty() || !rule.native.empty()) {
    if (!native_matches(rule, facts)) return std::nullopt;
    rank.conditions += static_cast<std::size_t>(!rule.library.empty()) + static_cast<std::size_t>(!rule.native.empty());
  }
  if (rule.module.empty()) return rank;
  rank.conditions += rule.function.empty() ? 1 : 2;
  for (auto i = facts.calls.libraries.size(); i > 0; --i) {
    const auto& call = facts.calls.libraries[i - 1];
    if (!is_module(rule.module, call.module)) continue;
    if (!rule.function.empty() && !matches_any(rule.function, call.function)) continue;
    rank.frame = i;
    return rank;
  }
  return std::nullopt;
}

struct Found {
  const AdviceRule* rule = nullptr;
  Rank rank;
};

Found find(const Facts& facts) {
  Found best;
  for (const auto& rule : kAdviceRules) {
    const auto rank = rank_of(rule, facts);
    if (rank && (best.rule == nullptr || *rank > best.rank)) best = {.rule = &rule, .rank = *rank};
  }
  // The table's compiler guarantees that each cause has a rule without conditions.
  return best.rule == nullptr ? Found{.rule = &kAdviceRules.back(), .rank = {}} : best;
}

// Printed only if every terminal can show them unchanged.
bool is_plain_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
}

/// The call as a programmer writes it: "requests.get", "subprocess.Popen"; only the package for a function that is not
/// public.
std::string call_text(const Call& call) {
  std::string package;
  std::string_view rest = call.module;
  while (!rest.empty()) {
    const auto slash = std::min(rest.find('/'), rest.size());
    const auto part = rest.substr(0, slash);
    if (!part.starts_with('_')) package += (package.empty() ? "" : ".") + std::string(part);
    rest.remove_prefix(std::min(slash + 1, rest.size()));
    // In other packages, programs seldom import the inner modules.
    if (!call.standard) break;
  }
  std::string_view function = call.frame->function;
  if (last_name(function).starts_with("__")) function.remove_suffix(last_name(function).size());
  if (function.ends_with('.')) function.remove_suffix(1);
  if (last_name(function).starts_with('_') || !is_plain_name(function)) return package;
  return package + "." + std::string(function);
}

}  // namespace

std::span<const AdviceRule> advice_rules() { return kAdviceRules; }

bool matches_any(std::string_view patterns, std::string_view text) {
  if (text.empty() || text.size() > kLongestName) return false;
  return any_pattern(patterns, [text](std::string_view pattern) { return glob_matches(pattern, text); });
}

const AdviceRule& find_advice(const Segment& segment, LoopKind loop) { return *find(facts_of(segment, loop)).rule; }

std::string advise(const Segment& segment, LoopKind loop) {
  if (!has_advice(segment.cause)) return {};
  // The code is unknown, so any advice would be a guess.
  if (segment.cause == Cause::python && !segment.stack && loop != LoopKind::other) return {};
  const auto facts = facts_of(segment, loop);
  const auto [rule, rank] = find(facts);
  const auto* place = segment.stack ? own_frame(*segment.stack) : nullptr;
  std::string call;
  if (rank.frame != kNoFrame) call = call_text(facts.calls.libraries[rank.frame - 1]);
  if (!is_plain_name(call)) call.clear();
  const auto* caller = facts.calls.caller;
  const bool already_named = segment.cause != Cause::gil &&
                             (rank.frame == kNoFrame || (place != nullptr && caller == place));
  std::string in;
  if (caller != nullptr && !already_named && is_plain_name(caller->function)) in = "in " + caller->function;
  auto both = call;
  if (!call.empty() && !in.empty()) both += ' ';
  both += in;
  for (const auto& who : {both, call}) {
    if (!who.empty() && who.size() + 2 + rule->advice.size() <= kAdviceColumns)
      return who + ": " + std::string(rule->advice);
  }
  return std::string(rule->advice);
}

}  // namespace aiotrace::model
