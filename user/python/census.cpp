#include "python/census.h"

#include <algorithm>
#include <string_view>

#include "python/heap_scan.h"

namespace aiotrace::python {
namespace {

constexpr std::size_t kMaxTypes = 64;

/// `type` and all live classes derived from it: from the weak references in tp_subclasses.
void add_with_subclasses(const Objects& objects, std::uint64_t type, std::vector<std::uint64_t>& into) {
  if (type == 0 || into.size() >= kMaxTypes || std::ranges::find(into, type) != into.end()) return;
  into.push_back(type);
  const UserLayout& user = objects.layout().user;
  const auto subclasses = objects.memory().pointer(type + user.type_mro + 16);
  const auto entries = subclasses ? objects.entries(*subclasses) : std::nullopt;
  if (!entries) return;
  for (const Objects::Entry& entry : *entries) {
    const auto derived = objects.memory().pointer(entry.value + user.weakref_object);
    // A deleted class leaves None in its weak reference. None is no type with that base.
    if (derived && objects.memory().pointer(*derived + user.type_base)) add_with_subclasses(objects, *derived, into);
  }
}

}  // namespace

HeapTypes heap_types(const AsyncioReader& reader) {
  const Objects& objects = reader.objects();
  HeapTypes types;
  const auto modules = reader.memory().pointer(reader.interpreter().main_interpreter +
                                               reader.interpreter().layout.user.interp_modules);
  if (!modules) return types;
  const auto names_of = [&](std::string_view name) {
    const auto module = objects.find(*modules, name);
    return module ? objects.module_dict(*module) : std::nullopt;
  };
  types.foreign_scheduler = objects.find(*modules, "trio") || objects.find(*modules, "curio");
  if (const auto names = names_of("asyncio.timeouts")) types.timeout = objects.find(*names, "Timeout").value_or(0);
  if (const auto names = names_of("contextlib")) {
    types.async_generator_manager = objects.find(*names, "_AsyncGeneratorContextManager").value_or(0);
  }
  const auto& classes = reader.futures().classes();
  for (const std::uint64_t type : {classes.c_task, classes.python_task, classes.c_future, classes.python_future})
    add_with_subclasses(objects, type, types.futures);
  return types;
}

Census take_census(AsyncioReader& reader, const proc::Memory& live, const proc::ResidentMemory& resident,
                   const HeapTypes& types, const proc::TakePiece& also) {
  const Objects& objects = reader.objects();
  std::vector<std::uint64_t> wanted{reader.interpreter().coro_type, reader.interpreter().async_gen_type, types.timeout,
                                    types.async_generator_manager};
  const std::size_t others = wanted.size();
  wanted.insert(wanted.end(), types.futures.begin(), types.futures.end());
  const HeapScan scan(wanted, reader.interpreter().layout.bpf.obj_type);
  const auto hits = scan.run(live, resident.ranges, also);

  Census census;
  census.bytes = hits.bytes;
  census.swapped_bytes = resident.swapped_bytes;
  census.unseen_bytes = hits.unreadable_bytes + resident.skipped_bytes;
  census.dropped = hits.dropped;
  for (std::size_t i = 0; i < 2; ++i) {
    for (const std::uint64_t object : hits.objects[i]) {
      if (const auto found = reader.heap_coroutine(object)) census.coroutines.emplace(object, *found);
    }
  }
  // The deadline is None or a float. From a stale block only an address is taken.
  for (const std::uint64_t object : hits.objects[2]) {
    const auto task = objects.attribute(object, "_task");
    const auto when = objects.attribute(object, "_when");
    if (task && when && reader.type_name(*when) == "float") census.timed_tasks.insert(*task);
  }
  for (const std::uint64_t object : hits.objects[3]) {
    if (const auto generator = objects.attribute(object, "gen")) census.managed_generators.insert(*generator);
  }
  for (std::size_t i = others; i < wanted.size(); ++i) {
    for (const std::uint64_t object : hits.objects[i]) {
      if (const auto found = reader.heap_future(object)) census.futures.push_back(*found);
    }
  }
  return census;
}

}  // namespace aiotrace::python
