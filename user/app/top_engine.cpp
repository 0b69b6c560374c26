#include "app/top_engine.h"

#include <algorithm>
#include <set>
#include <utility>

#include "proc/service.h"

namespace aiotrace::app {

void TopEngine::refresh(const Session& session, std::uint64_t now_ns) {
  refresh(session, now_ns, session.loops_now(now_ns));
}

void TopEngine::refresh(const Session& session, std::uint64_t now_ns, const std::vector<model::LoopNow>& loops) {
  // Read when a process is first seen, because the name cannot be read after its end.
  std::map<std::uint32_t, std::string> services;
  for (const auto& loop : loops) {
    if (services.contains(loop.pid)) continue;
    const auto known = services_.find(loop.pid);
    services[loop.pid] = known != services_.end() ? known->second
                                                  : proc::service_of(static_cast<pid_t>(loop.pid), loop.command).name;
  }
  services_ = std::move(services);
  table_.refresh(now_ns, loops, services_, session.looks());
}

output::TopView TopEngine::view(const Order& order) const {
  auto rows = table_.rows();
  output::TopView view{.rows = {},
                       .loops = rows.size(),
                       .processes = services_.size(),
                       .sort = order.sort,
                       .reverse = order.reverse,
                       .targets = {},
                       .filter = order.filter,
                       .time = {},
                       .remembered_ns = table_.remembered_ns(),
                       .message = {}};
  std::erase_if(rows, [&](const model::TopRow& row) { return !model::matches(row, order.filter); });
  view.rows = order.grouped ? model::merge_by_service(rows) : std::move(rows);
  model::sort_rows(view.rows, order.sort, order.reverse);
  return view;
}

}  // namespace aiotrace::app
