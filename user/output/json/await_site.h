// An await site in the rows of `awaits`.
#pragma once

#include "output/json/parts.h"

namespace aiotrace::output {

template <>
struct JsonForm<model::AwaitSite> {
  using T = model::AwaitSite;
  static constexpr auto list = std::tuple{SHOWN(coroutine),
                                          form::shown("site", &T::place,
                                                      [](const model::Frame& place) {
                                                        auto object = json_of(place);
                                                        object.erase("kind");
                                                        return object;
                                                      }),
                                          SHOWN(awaits)};
};

/// The fields that follow the type and the process; a row has no process of its own.
template <class Row>
[[nodiscard]] std::string row_of_process(std::string_view type, std::uint32_t pid, const Row& row) {
  Json object{{"type", type}, {"pid", pid}};
  object.update(json_of(row));
  return line_of(object);
}

}  // namespace aiotrace::output
