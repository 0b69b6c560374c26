#include "output/json/doctor.h"

#include "model/summary.h"
#include "output/json/values.h"

namespace aiotrace::output {
namespace {

Json findings_json(const std::vector<model::Finding>& findings) {
  auto all = Json::array();
  for (const auto& finding : findings) {
    all.push_back({{"name", finding.name},
                   {"works", finding.works},
                   {"note", text_or_null(finding.note)},
                   {"reason", text_or_null(finding.reason)},
                   {"remedy", text_or_null(finding.remedy)}});
  }
  return all;
}

Json python_json(const model::ProcessReport::Python& python) {
  return {{"implementation", "CPython"},
          {"version", value_or_null(python.version)},
          {"supported", python.supported},
          {"gil", value_or_null(python.gil)},
          {"free_threaded", value_or_null(python.free_threaded)},
          {"debug", value_or_null(python.debug)},
          {"stripped", value_or_null(python.stripped)},
          {"where", text_or_null(python.where)},
          {"note", text_or_null(python.note)}};
}

}  // namespace

std::string host_json(const model::HostReport& host) {
  auto settings = Json::object();
  for (const auto& [name, value] : host.settings) settings[name] = text_or_null(value);
  return line_of({{"type", "host"},
                  {"schema", model::kSchema},
                  {"version", host.version},
                  {"kernel", host.kernel},
                  {"machine", host.machine},
                  {"features", findings_json(host.features)},
                  {"capabilities", findings_json(host.capabilities)},
                  {"limits", std::move(settings)},
                  {"commands", findings_json(host.commands)}});
}

std::string process_json(const model::ProcessReport& process) {
  auto loops = Json::array();
  for (const auto& loop : process.loops) {
    loops.push_back({{"tid", loop.tid},
                     {"thread", text_or_null(loop.thread)},
                     {"kind", name(loop.kind)},
                     {"epfd", loop.epfd < 0 ? Json(nullptr) : Json(loop.epfd)},
                     {"note", text_or_null(loop.note)}});
  }
  return line_of({{"type", "process"},
                  {"pid", process.pid},
                  {"comm", text_or_null(process.comm)},
                  {"python", process.python ? python_json(*process.python) : Json(nullptr)},
                  {"no_python", text_or_null(process.no_python)},
                  {"loops", std::move(loops)},
                  {"epolls", process.epolls},
                  {"causes", findings_json(process.causes)},
                  {"commands", findings_json(process.commands)}});
}

}  // namespace aiotrace::output
