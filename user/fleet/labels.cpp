#include "fleet/labels.h"

namespace aiotrace::fleet {

std::string escaped_label(std::string_view value) {
  std::string escaped;
  escaped.reserve(value.size());
  for (const char c : value) {
    if (c == '\\' || c == '"') escaped += '\\';
    if (c == '\n')
      escaped += "\\n";
    else
      escaped += c;
  }
  return escaped;
}

std::string service_name(const proc::Service& service) {
  return service.source == proc::ServiceSource::command ? "unknown_service:" + service.name : service.name;
}

std::string labels_of(const proc::Service& service) {
  std::string labels;
  const auto add = [&labels](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    if (!labels.empty()) labels += ',';
    labels.append(name).append("=\"").append(escaped_label(value)).append("\"");
  };
  add("service_name", service_name(service));
  add("service_namespace", service.service_namespace);
  add("systemd_unit", service.unit);
  add("container_id", service.container_id);
  add("k8s_container_name", service.container_name);
  add("k8s_pod_name", service.pod);
  add("k8s_namespace_name", service.pod_namespace);
  add("k8s_pod_uid", service.pod_uid);
  return labels;
}

}  // namespace aiotrace::fleet
