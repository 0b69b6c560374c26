// An await site in a table.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "model/awaits.h"

namespace aiotrace::output {

/// "fetch  app/client.py:12  asyncio.sleep  (in main)", cleaned, for a Table::Row.
[[nodiscard]] std::function<std::string(std::size_t)> site_text(const model::AwaitSite& site);

}  // namespace aiotrace::output
