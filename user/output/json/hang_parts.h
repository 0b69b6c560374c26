// What hangs and lists of tasks share: resources and those that have them.
#pragma once

#include <tuple>

#include "model/hang.h"
#include "output/json/parts.h"

namespace aiotrace::output {

template <>
struct JsonForm<model::HangResource> {
  using T = model::HangResource;
  static constexpr auto list = std::tuple{SHOWN(kind), form::shown("class", &T::class_name),
                                          SHOWN(name), SHOWN(capacity),
                                          SHOWN(out),  SHOWN(waiting)};
};

template <>
struct JsonForm<model::HangParty> {
  using T = model::HangParty;
  static constexpr auto list = std::tuple{form::shown("kind", &T::task,
                                                      [](bool task) { return Json(task ? "task" : "thread"); }),
                                          SHOWN(id),
                                          SHOWN(tid, form::kNonzero),
                                          SHOWN(name),
                                          SHOWN(count),
                                          SHOWN(waits_for),
                                          SHOWN(stack),
                                          SHOWN(how),
                                          SHOWN(state)};
};

}  // namespace aiotrace::output
