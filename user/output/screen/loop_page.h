// The details of one loop, as lines of a page.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/hang_run.h"
#include "model/loop_look.h"
#include "model/stall.h"
#include "model/top_row.h"
#include "model/top_table.h"
#include "output/context.h"
#include "output/screen/page.h"

namespace aiotrace::output {

struct LoopDetails {
  std::optional<model::TopRow> row;                  ///< nothing: the loop has ended
  std::vector<const model::Stall*> stalls;           ///< the newest first
  std::vector<model::TopPlace> places;               ///< the largest first
  std::shared_ptr<const model::ScannedHangs> hangs;  ///< null: no look
  std::shared_ptr<const model::LoopLook> look;       ///< null: not yet
};

/// What it does now, its latest stalls, its worst places, its tasks, its hangs. Clean lines, as wide as the context's
/// columns.
[[nodiscard]] std::vector<PageLine> loop_page(const LoopDetails& details, const OutputContext& context);

}  // namespace aiotrace::output
