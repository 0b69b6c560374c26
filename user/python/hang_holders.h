// Who holds what is waited for, of one look.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "python/executors.h"
#include "python/hang_look.h"
#include "python/task_list.h"

namespace aiotrace::python {

/// Parties by what they are known by.
struct LookIndex {
  const std::unordered_map<std::uint64_t, std::uint32_t>& task;             ///< by the task
  const std::unordered_map<std::uint64_t, std::uint32_t>& ident;            ///< by threading's ident
  const std::unordered_map<std::uint64_t, std::vector<LookHold>>& entered;  ///< by what they are in a block of
};

/// Sets `holds` and `closed` of the resources of a look, once all parties are there.
class HolderFinder {
 public:
  /// All must outlive this object.
  HolderFinder(AsyncioReader& reader, ResourceReader& resources, ExecutorReader& executors, const Running& running,
               HangLook& look, const LookIndex& index)
      : reader_(reader), resources_(resources), executors_(executors), running_(running), look_(look), index_(index) {}

  void run();

 private:
  void of_task(LookResource& resource) const;
  void of_object(LookResource& resource);
  void of_lock(LookResource& resource) const;
  [[nodiscard]] bool of_worker(LookResource& resource) const;
  void of_coroutine(LookResource& resource);
  [[nodiscard]] const std::unordered_map<std::uint64_t, std::uint32_t>& handed();
  void of_pool(LookResource& resource) const;
  void of_thread(LookResource& resource) const;
  void of_anyio(LookResource& resource) const;
  static void add(LookResource& resource, std::uint32_t party);

  AsyncioReader& reader_;
  ResourceReader& resources_;
  ExecutorReader& executors_;
  const Running& running_;
  HangLook& look_;
  LookIndex index_;
  std::optional<std::unordered_map<std::uint64_t, std::uint32_t>> handed_;  // thread, by what its loop has to call
};

}  // namespace aiotrace::python
