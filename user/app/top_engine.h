// The data of the live view, taken from a session once per interval.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "app/session.h"
#include "model/stall.h"
#include "model/top_table.h"
#include "output/screen/top_view.h"

namespace aiotrace::app {

class TopEngine {
 public:
  explicit TopEngine(std::uint64_t warn_ns) : table_(warn_ns) {}

  void add(const model::Stall& stall) { table_.add(stall); }
  /// To be called at the end of an interval.
  void refresh(const Session& session, std::uint64_t now_ns);
  /// The same with loops that were read before, from a session that has ended.
  void refresh(const Session& session, std::uint64_t now_ns, const std::vector<model::LoopNow>& loops);

  [[nodiscard]] const model::TopTable& table() const { return table_; }

  struct Order {
    model::TopSort sort = model::TopSort::stalled;
    bool reverse = false;
    bool grouped = false;
    std::string filter{};
  };
  /// The rows in this order, and the totals.
  [[nodiscard]] output::TopView view(const Order& order) const;

 private:
  model::TopTable table_;
  std::map<std::uint32_t, std::string> services_;  // by pid
};

}  // namespace aiotrace::app
