#include "model/profile.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <ranges>
#include <set>
#include <tuple>
#include <utility>

#include "model/cause.h"

namespace aiotrace::model {
namespace {

void append(std::string& key, std::string_view text) {
  key += std::to_string(text.size());
  key += ':';
  key += text;
}

void append(std::string& key, std::uint64_t number) {
  key += std::to_string(number);
  key += ';';
}

void append(std::string& key, const NativeFunction& who) {
  append(key, who.library);
  append(key, who.function);
}
// Only thread and function, because the whole stack differs each time.
void append(std::string& key, const GilHolder& who) {
  append(key, who.thread);
  append(key, who.tid);
  if (!who.stack.empty()) append(key, who.stack.front().function);
}
void append(std::string& key, const FileUse& who) {
  append(key, who.path);
  append(key, who.op);
}
void append(std::string& key, const SocketEnds& who) {
  for (const auto& text : {who.protocol, who.local, who.peer}) append(key, text);
}
void append(std::string& key, const ChildProcess& who) {
  append(key, who.comm);
  append(key, who.pid);
}
void append(std::string& key, const LockAt& who) { append(key, who.address); }
void append(std::string& key, const MappedFile& who) { append(key, who.path); }
void append(std::string& key, const Runners& who) {
  for (const auto& each : who.running) append(key, each.pid);
}
void append(std::string& key, const CpuQuota& who) { append(key, who.cgroup); }

std::string key_of(const ProfileRow& row) {
  std::string key;
  append(key, static_cast<std::uint64_t>(row.kind) | (row.holds_gil ? 8U : 0U));
  append(key, row.pid);
  append(key, row.tid);
  append(key, static_cast<std::uint64_t>(row.cause));
  append(key, reinterpret_cast<std::uintptr_t>(row.stack.get()));
  append(key, row.syscall);
  if (row.task) {
    append(key, row.task->name.value_or(""));
    append(key, row.task->coroutine);
  }
  if (row.culprit) std::visit([&key](const auto& who) { append(key, who); }, *row.culprit);
  return key;
}

}  // namespace

void Profile::add(ProfileRow row) {
  auto key = key_of(row);
  auto at = row_at_.find(key);
  if (at == row_at_.end() && rows_.size() >= max_rows_) {
    ++over_;
    row.stack.reset();
    row.task.reset();
    row.culprit.reset();
    row.syscall.clear();
    key = key_of(row);
    at = row_at_.find(key);
  }
  if (at == row_at_.end()) {
    row_at_.emplace(std::move(key), rows_.size());
    rows_.push_back(std::move(row));
    return;
  }
  auto& known = rows_[at->second];
  known.ns += row.ns;
  known.count += row.count;
  known.max_ns = std::max(known.max_ns, row.max_ns);
}

void Profile::set_cpu_time(std::uint32_t pid, std::uint32_t tid, const std::string& thread, std::uint64_t cpu_ns,
                           std::uint64_t all) {
  if (all == 0) {
    if (cpu_ns != 0)
      add({.pid = pid,
           .tid = tid,
           .thread = thread,
           .task = {},
           .cause = Cause::python,
           .syscall = {},
           .culprit = {},
           .stack = {},
           .ns = cpu_ns});
    return;
  }
  const double each = static_cast<double>(cpu_ns) / static_cast<double>(all);
  for (auto& row : rows_) {
    if (row.kind == ProfileRow::Kind::sample && row.pid == pid && row.tid == tid)
      row.ns = static_cast<std::uint64_t>(each * static_cast<double>(row.count));
  }
}

std::vector<ProfileRow> Profile::rows() const {
  auto rows = rows_;
  std::ranges::stable_sort(rows, [](const ProfileRow& a, const ProfileRow& b) { return a.ns > b.ns; });
  return rows;
}

std::optional<Frame> native_leaf(const ProfileRow& row) {
  if (row.kind != ProfileRow::Kind::sample || row.cause != Cause::native) return std::nullopt;
  const auto* who = culprit_as<NativeFunction>(row.culprit);
  if (who == nullptr) return std::nullopt;
  return Frame{.kind = Frame::Kind::native,
               .function = who->function.empty() ? who->library : who->function,
               .file = who->library,
               .line = 0};
}

std::vector<ProfileFunction> functions_of(const std::vector<ProfileRow>& rows) {
  struct Sum {
    ProfileFunction function;
    std::map<std::uint32_t, std::pair<std::uint64_t, std::uint64_t>> lines;  // self_ns, total_ns
    std::uint64_t sampled_ns = 0;
  };
  using Key = std::tuple<Frame::Kind, std::string, std::string>;
  const auto key_of_frame = [](const Frame& frame) { return Key(frame.kind, frame.file, frame.function); };
  std::map<Key, Sum> sums;
  std::uint64_t samples = 0, sampled_ns = 0;
  for (const auto& row : rows) {
    const bool sampled = row.kind == ProfileRow::Kind::sample;
    if (sampled) {
      samples += row.count;
      sampled_ns += row.ns;
    }
    std::set<Key> seen;
    const auto add = [&](const Frame& frame, bool self) {
      const auto key = key_of_frame(frame);
      if (!seen.insert(key).second) return;
      auto& sum = sums[key];
      sum.function.frame = frame;
      auto& [self_ns, total_ns] = sum.lines[frame.line];
      sum.function.total_ns += row.ns;
      total_ns += row.ns;
      if (sampled) sum.sampled_ns += row.ns;
      if (!self) return;
      sum.function.self_ns += row.ns;
      self_ns += row.ns;
    };
    const auto leaf = native_leaf(row);
    if (leaf) add(*leaf, true);
    if (!row.stack) continue;
    bool self = !leaf;
    for (const auto& frame : row.stack->frames) add(*frame, std::exchange(self, false));
  }
  std::vector<ProfileFunction> functions;
  for (auto& [key, sum] : sums) {
    const auto most = std::ranges::max_element(sum.lines, {}, [](const auto& line) { return line.second; });
    sum.function.frame.line = most->first;
    if (samples != 0 && sampled_ns != 0) {
      const double share = static_cast<double>(sum.sampled_ns) / static_cast<double>(sampled_ns);
      const double deviation = std::sqrt(share * (1 - share) / static_cast<double>(samples));
      sum.function.error_ns = static_cast<std::uint64_t>(2 * deviation * static_cast<double>(sampled_ns));
    }
    functions.push_back(std::move(sum.function));
  }
  std::ranges::stable_sort(functions, [](const ProfileFunction& a, const ProfileFunction& b) {
    return std::tie(a.self_ns, a.total_ns) > std::tie(b.self_ns, b.total_ns);
  });
  return functions;
}

void add_profile(WeightedStacks& stacks, const std::vector<ProfileRow>& rows, ProfileBy by, bool with_process) {
  for (const auto& row : rows) {
    std::vector<WeightedFrame> frames;
    if (with_process) frames.push_back(mark_frame("pid " + std::to_string(row.pid)));
    if (by == ProfileBy::thread) frames.push_back(mark_frame(row.thread));
    if (by == ProfileBy::coroutine) frames.push_back(mark_frame(row.task ? row.task->coroutine : "no task"));
    if (by == ProfileBy::task)
      frames.push_back(mark_frame(row.task ? row.task->name.value_or(row.task->coroutine) : "no task"));
    if (row.holds_gil) frames.push_back(mark_frame("holds the GIL"));
    if (row.kind == ProfileRow::Kind::idle) {
      frames.push_back(mark_frame("idle"));
      stacks.add(frames, row.ns, row.count);
      continue;
    }
    if (row.kind == ProfileRow::Kind::shorter) {
      frames.push_back(mark_frame("shorter waits"));
    } else if (!row.stack) {
      frames.push_back(mark_frame("no stack"));
    } else {
      if (row.stack->unreadable) frames.push_back(mark_frame("unreadable"));
      if (row.stack->too_deep) frames.push_back(mark_frame("too deep"));
      for (const auto& frame : std::views::reverse(row.stack->frames)) frames.push_back(weighted_frame(*frame));
    }
    if (const auto leaf = native_leaf(row)) frames.push_back(weighted_frame(*leaf));
    if (row.cause != Cause::python) frames.push_back(mark_frame(name(row.cause)));
    if (!row.syscall.empty()) frames.push_back(mark_frame(row.syscall));
    stacks.add(frames, row.ns, row.count);
  }
}

}  // namespace aiotrace::model
