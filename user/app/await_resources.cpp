#include "app/await_resources.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>

#include "app/await_places.h"
#include "app/wait_resources.h"

namespace aiotrace::app {
namespace {

using Resource = std::shared_ptr<const model::TaskResource>;

// The same number as long as a task stands at the same place, for the same object.
std::unordered_map<std::uint64_t, std::uint64_t> standing(const python::TaskSnapshot& snapshot) {
  std::unordered_map<std::uint64_t, std::uint64_t> found;
  for (const python::Task& task : snapshot.tasks) {
    if (suspended(task)) found.emplace(task.object, hash_of_place(task, hash_of_chain(task)) ^ task.waits_for.object);
  }
  return found;
}

Resource largest(const std::map<Resource, std::size_t>& counts) {
  const auto most = std::ranges::max_element(counts, {}, [](const auto& each) { return each.second; });
  return most == counts.end() ? nullptr : most->first;
}

}  // namespace

model::WaitsOfSites await_resources(const std::vector<model::AwaitRow>& rows, python::TaskReader& reader,
                                    const python::Interpreter& interpreter, const proc::Process& process,
                                    const proc::Memory& memory) {
  model::WaitsOfSites found(rows.size());
  const auto before = reader.read();
  if (!before || !before->problem.empty()) return found;
  const auto resources = wait_resources(interpreter, process, memory);
  const auto after = resources ? reader.read() : before;
  if (!resources || !after) return found;
  const auto stood = standing(*before);
  const auto stand = standing(*after);
  std::map<model::AwaitSite, std::map<Resource, std::size_t>> sites;
  for (const python::Task& task : after->tasks) {
    const auto resource = resources->find(task.object);
    const auto then = stood.find(task.object);
    const auto now = stand.find(task.object);
    if (resource == resources->end() || then == stood.end() || now == stand.end() || then->second != now->second)
      continue;
    model::AwaitSite site{.coroutine = task.coroutine, .place = own_place(task), .awaits = text_of(task.waits_for)};
    ++sites[std::move(site)][resource->second];
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (const auto site = sites.find(rows[i].site); site != sites.end()) {
      if (const auto most = largest(site->second)) found[i] = *most;
    }
  }
  return found;
}

}  // namespace aiotrace::app
