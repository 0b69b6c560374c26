#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "model/frame_origin.h"
#include "output/text/style.h"
#include "output/text/tasks.h"
#include "util/hash.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

// Null: the task stands in the standard library only.
const model::Frame* own_frame(const model::TaskRow& task) {
  const auto* own = model::own_frame(task.stack);
  const bool is_librarys = own != nullptr && model::origin_of(own->file).origin == model::Origin::standard_library;
  return is_librarys ? nullptr : own;
}

/// Tasks that differ only in names and numbers, including everything below them, have the same signature.
class Signs {
 public:
  Signs(const std::vector<model::TaskRow>& tasks, const std::vector<std::vector<std::size_t>>& children)
      : tasks_(tasks), children_(children), signs_(tasks.size()), awaited_by_(tasks.size()) {
    for (const auto& list : children) {
      for (const auto child : list) ++awaited_by_[child];
    }
    // Children are processed before the tasks that await them; tasks that lead to a cycle are never finished, and equal
    // no other task.
    std::vector<std::size_t> left(tasks.size()), ready;
    std::vector<std::vector<std::size_t>> parents(tasks.size());
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      left[i] = children[i].size();
      for (const auto child : children[i]) parents[child].push_back(i);
      if (left[i] == 0) ready.push_back(i);
    }
    while (!ready.empty()) {
      const auto task = ready.back();
      ready.pop_back();
      signs_[task] = make(task);
      for (const auto parent : parents[task]) {
        if (--left[parent] == 0) ready.push_back(parent);
      }
    }
  }

  /// Nothing: it equals no other task.
  [[nodiscard]] std::optional<std::size_t> of(std::size_t task) const { return signs_[task]; }

 private:
  [[nodiscard]] std::optional<std::size_t> make(std::size_t i) const {
    const auto& task = tasks_[i];
    // A task that several tasks await is shown once, and then by name.
    if (awaited_by_[i] > 1) return std::nullopt;
    std::size_t sign = 0;
    hash_into(sign, coroutine_text(task));
    hash_into(sign, task.state);
    hash_into(sign, task.waits_for.kind);
    hash_into(sign, task.waits_for.call);
    hash_into(sign, task.waits_for.tasks.size());
    if (const auto* own = own_frame(task)) {
      hash_into(sign, own->file);
      hash_into(sign, own->line);
    }
    for (const auto child : children_[i]) {
      if (!signs_[child]) return std::nullopt;
      hash_into(sign, *signs_[child]);
    }
    return sign;
  }

  const std::vector<model::TaskRow>& tasks_;
  const std::vector<std::vector<std::size_t>>& children_;
  std::vector<std::optional<std::size_t>> signs_;
  std::vector<std::size_t> awaited_by_;
};

/// Walks without recursion, because a chain can contain all tasks.
class Tree {
 public:
  Tree(const std::vector<model::TaskRow>& tasks, const OutputContext& context) : tasks_(tasks), context_(context) {
    std::unordered_map<std::uint64_t, std::size_t> index;
    for (std::size_t i = 0; i < tasks.size(); ++i) index.emplace(tasks[i].id, i);
    children_.resize(tasks.size());
    std::vector<bool> awaited(tasks.size());
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      for (const std::uint64_t id : tasks[i].awaited_by) {
        const auto waiter = index.find(id);
        if (waiter == index.end()) continue;  // not among those shown
        children_[waiter->second].push_back(i);
        awaited[i] = true;
      }
    }
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      if (!awaited[i]) roots_.push_back(i);
    }
    seen_.resize(tasks.size());
    open_.resize(tasks.size());
    alike_.assign(tasks.size(), 1);
    if (!context.verbose) group();
  }

  std::vector<std::string> lines() {
    for (const auto root : roots_) from(root);
    // The remaining tasks are awaited by a task in a cycle.
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      if (!seen_[i] && alike_[i] != 0) from(i);
    }
    return std::move(lines_);
  }

 private:
  // Of similar siblings the first represents all.
  void group() {
    const Signs signs(tasks_, children_);
    const auto group_in = [&](std::vector<std::size_t>& siblings) {
      constexpr std::size_t kFewest = 4;
      std::unordered_map<std::size_t, std::vector<std::size_t>> groups;
      for (const auto task : siblings) {
        if (const auto sign = signs.of(task)) groups[*sign].push_back(task);
      }
      for (const auto& [sign, same] : groups) {
        if (same.size() < kFewest) continue;
        for (const auto task : same) alike_[task] = 0;
        alike_[same.front()] = same.size();
      }
      std::erase_if(siblings, [this](std::size_t task) { return alike_[task] == 0; });
    };
    group_in(roots_);
    for (auto& siblings : children_) group_in(siblings);
    hide_below();
  }

  // Tasks below a represented sibling are not shown either.
  void hide_below() {
    std::vector<std::size_t> hidden;
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      if (alike_[i] == 0) hidden.push_back(i);
    }
    while (!hidden.empty()) {
      const auto task = hidden.back();
      hidden.pop_back();
      for (const auto child : children_[task]) {
        if (alike_[child] == 0) continue;
        alike_[child] = 0;
        hidden.push_back(child);
      }
    }
  }

  struct Level {
    std::size_t task;
    std::size_t next_child = 0;
    std::string indent;  // of its children
  };

  void from(std::size_t root) {
    std::vector<Level> path;
    write(root, "", "");
    path.push_back({.task = root, .next_child = 0, .indent = ""});
    seen_[root] = open_[root] = true;
    while (!path.empty()) {
      Level& level = path.back();
      const auto& children = children_[level.task];
      if (level.next_child == children.size()) {
        open_[level.task] = false;
        path.pop_back();
        continue;
      }
      const std::size_t child = children[level.next_child++];
      const bool last = level.next_child == children.size();
      const bool deep = path.size() > kMaxTreeIndent;
      const std::string lead = deep ? fmt::format("{}{} ", level.indent, path.size())
                                    : level.indent + (last ? "└─ " : "├─ ");
      if (open_[child]) {
        write(child, lead,
              path.size() == 1 && level.task == child ? "waits for itself" : "cycle: awaited by the one above");
        continue;
      }
      if (seen_[child]) {
        write(child, lead, "see above");
        continue;
      }
      write(child, lead, "");
      seen_[child] = open_[child] = true;
      std::string indent = deep ? level.indent : level.indent + (last ? "   " : "│  ");
      path.push_back({.task = child, .next_child = 0, .indent = std::move(indent)});
    }
  }

  void write(std::size_t i, const std::string& lead, const std::string& remark) {
    const auto& task = tasks_[i];
    std::string name = task.name.empty() ? fmt::format("task at {:#x}", task.id) : clean_for_terminal(task.name);
    name = shorten_right(name, 60);
    if (!remark.empty()) {
      lines_.push_back(lead + name + "  " + paint("(" + remark + ")", Color::yellow, context_));
      return;
    }
    const std::string coroutine = shorten_left(coroutine_text(task), 60);
    const bool many = alike_[i] > 1;
    auto waits_for = task.waits_for;
    // These differ between tasks.
    if (many) {
      waits_for.left_ns.reset();
      waits_for.queue_size.reset();
      waits_for.fd.reset();
      waits_for.child_pid.reset();
    }
    const std::string wait = task.state == "pending" ? "waits for " + wait_text(waits_for) : task.state;
    std::string line = lead;
    if (many)
      line += paint(fmt::format("{} × {}", coroutine, format_count(alike_[i])), Color::bold, context_) + "  " + wait;
    else
      line += paint(name, Color::bold, context_) + "  " + coroutine + "  " + wait;
    if (const auto* own = own_frame(task)) line += "  " + paint(place_text(own->file, own->line), Color::dim, context_);
    if (many) line += paint(fmt::format("  ({}, …)", name), Color::dim, context_);
    lines_.push_back(std::move(line));
  }

  const std::vector<model::TaskRow>& tasks_;
  const OutputContext& context_;
  std::vector<std::vector<std::size_t>> children_;
  std::vector<std::size_t> roots_;
  std::vector<std::size_t> alike_;  // number of tasks that it represents; 0: another task represents it
  std::vector<bool> seen_;
  std::vector<bool> open_;  // on the present path
  std::vector<std::string> lines_;
};

}  // namespace

std::vector<std::string> task_tree(const std::vector<model::TaskRow>& tasks, const OutputContext& context) {
  return Tree(tasks, context).lines();
}

}  // namespace aiotrace::output
