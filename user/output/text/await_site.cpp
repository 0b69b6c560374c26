#include "output/text/await_site.h"

#include "output/text/style.h"
#include "output/text/table.h"
#include "util/text.h"

namespace aiotrace::output {

std::function<std::string(std::size_t)> site_text(const model::AwaitSite& site) {
  auto name = clean_for_terminal(site.place.function.empty() ? "?" : site.place.function);
  auto place = place_text(site.place.file, site.place.line);
  auto tail = clean_for_terminal(site.awaits);
  if (!site.coroutine.empty() && site.coroutine != site.place.function)
    tail += "  (in " + clean_for_terminal(site.coroutine) + ")";
  return [name = std::move(name), place = std::move(place), tail = std::move(tail)](std::size_t columns) {
    return fitted(name, place, tail, columns);
  };
}

}  // namespace aiotrace::output
