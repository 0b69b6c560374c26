// A table of numbers before text, as the commands about awaits print it.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/awaits.h"
#include "output/context.h"

namespace aiotrace::output {

struct NumberTable {
  std::vector<std::string> headings;  ///< the text's is the last
  struct Row {
    std::vector<std::string> cells;  ///< one less than headings
    std::string text;                ///< shortened to fit
    std::set<std::size_t> marked;    ///< cells in yellow
  };
  std::vector<Row> rows;
};

/// No lines without rows.
[[nodiscard]] std::vector<std::string> table_lines(const NumberTable& table, const OutputContext& context);

/// "fetch  app/client.py:12  asyncio.sleep  (in main)", cleaned.
[[nodiscard]] std::string site_text(const model::AwaitSite& site);

}  // namespace aiotrace::output
