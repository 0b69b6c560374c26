#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "output/text/style.h"
#include "output/text/tasks.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

/// Walks without recursion: a chain of tasks can be as deep as there are tasks.
class Tree {
 public:
  Tree(const std::vector<model::TaskRow>& tasks, const OutputContext& context) : tasks_(tasks), context_(context) {
    std::unordered_map<std::uint64_t, std::size_t> index;
    for (std::size_t i = 0; i < tasks.size(); ++i) index.emplace(tasks[i].id, i);
    children_.resize(tasks.size());
    awaited_.resize(tasks.size());
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      for (const std::uint64_t id : tasks[i].awaited_by) {
        const auto waiter = index.find(id);
        if (waiter == index.end()) continue;  // not among those shown
        children_[waiter->second].push_back(i);
        awaited_[i] = true;
      }
    }
    seen_.resize(tasks.size());
    open_.resize(tasks.size());
  }

  std::vector<std::string> lines() {
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      if (!awaited_[i]) from(i);
    }
    // What is left is awaited by somebody in a ring.
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      if (!seen_[i]) from(i);
    }
    return std::move(lines_);
  }

 private:
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
    const std::string coroutine = task.coroutine.empty() ? "?" : shorten_left(clean_for_terminal(task.coroutine), 60);
    const std::string wait = task.state == "pending" ? "waits for " + wait_text(task.waits_for) : task.state;
    std::string line = lead + paint(name, Color::bold, context_) + "  " + coroutine + "  " + wait;
    const auto own = std::ranges::find_if(task.stack, [](const model::Frame& frame) {
      return !frame.file.empty() && frame.file.find("/asyncio/") == std::string::npos;
    });
    if (own != task.stack.end()) line += "  " + paint(place_text(own->file, own->line), Color::dim, context_);
    lines_.push_back(std::move(line));
  }

  const std::vector<model::TaskRow>& tasks_;
  const OutputContext& context_;
  std::vector<std::vector<std::size_t>> children_;
  std::vector<bool> awaited_;
  std::vector<bool> seen_;
  std::vector<bool> open_;  // on the path now
  std::vector<std::string> lines_;
};

}  // namespace

std::vector<std::string> task_tree(const std::vector<model::TaskRow>& tasks, const OutputContext& context) {
  return Tree(tasks, context).lines();
}

}  // namespace aiotrace::output
