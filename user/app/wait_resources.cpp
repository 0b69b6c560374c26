#include "app/wait_resources.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "app/hang_description.h"
#include "app/hang_graph.h"
#include "model/frame_origin.h"
#include "proc/page_cache.h"
#include "python/hang_look.h"
#include "python/threads.h"
#include "util/clock.h"

namespace aiotrace::app {
namespace {

constexpr std::size_t kMost = 256;
constexpr std::uint64_t kMostNs = 5'000'000'000;
constexpr std::size_t kMostHolders = 8;

// One for each object that tasks wait for, most waiters first: describe_hangs() gives them back in this order.
std::vector<model::FoundHang> waited_for(const python::HangLook& look, const model::WaitGraph& graph) {
  std::vector<model::FoundHang> found(graph.resources.size());
  for (std::uint32_t party = 0; party < graph.parties.size(); ++party) {
    for (const auto resource : graph.parties[party].waits) found[resource].waiters.push_back(party);
  }
  for (std::uint32_t i = 0; i < found.size(); ++i) {
    found[i].resource = i;
    found[i].holders = graph.resources[i].holds;
    if (look.resources[i].what != python::LookResource::What::object) found[i].waiters.clear();
  }
  std::erase_if(found, [](const model::FoundHang& each) { return each.waiters.empty(); });
  std::ranges::stable_sort(found, std::ranges::greater{}, [](const auto& each) { return each.waiters.size(); });
  if (found.size() > kMost) found.resize(kMost);
  return found;
}

// What each of a crowd of waiters shows.
std::shared_ptr<const model::TaskResource> short_form(model::Hang hang) {
  if (hang.holders.size() > kMostHolders) hang.holders.resize(kMostHolders);
  for (auto& holder : hang.holders) {
    const auto* own = model::own_frame(holder.stack);
    holder.stack = own != nullptr ? model::Stack{*own} : model::Stack{};
  }
  return std::make_shared<const model::TaskResource>(
      model::TaskResource{.resource = std::move(hang.resource), .holders = std::move(hang.holders)});
}

}  // namespace

std::optional<WaitResources> wait_resources(const python::Interpreter& interpreter, const proc::Process& process,
                                            const proc::Memory& memory) {
  proc::PageCache pages(memory);
  pages.end_at(monotonic_ns() + kMostNs);
  python::CodeCache codes(pages, interpreter.layout);
  const auto look = [&](python::AsyncioReader& reader) {
    return python::look_for_hangs(reader, process.pid(), python::python_threads(interpreter, process, pages));
  };
  python::HangLook first;
  {
    python::AsyncioReader reader(interpreter, pages, codes);
    first = look(reader);
  }
  pages.forget();
  python::AsyncioReader reader(interpreter, pages, codes);
  const auto second = look(reader);
  const auto graph = wait_graph(first, second, {});
  const auto found = waited_for(second, graph);
  auto hangs = describe_hangs(reader, second, graph, found, python::thread_names(interpreter, process, pages), kMost);
  if (pages.late()) return std::nullopt;
  WaitResources by_task;
  for (std::size_t i = 0; i < std::min(found.size(), hangs.size()); ++i) {
    const auto resource = short_form(std::move(hangs[i]));
    for (const auto waiter : found[i].waiters) {
      const auto& party = second.parties[waiter];
      if (party.task && party.waits.size() == 1) by_task.emplace(party.object, resource);
    }
  }
  return by_task;
}

}  // namespace aiotrace::app
