#include "fleet/otlp.h"

#include <map>
#include <protozero/pbf_message.hpp>

#include "fleet/labels.h"
#include "fleet/otlp_fields.h"
#include "model/bounded_text.h"
#include "util/text.h"

namespace aiotrace::fleet {

namespace otlp {

std::string safe_text(std::string_view text, std::size_t bytes) { return model::bounded_text(valid_utf8(text), bytes); }

namespace {

// Distinguishes two services of one name, on all hosts: Prometheus keeps only job and instance of a resource.
std::string instance_of(const proc::Service& service, const Emitter& emitter) {
  const auto& part = !service.container_id.empty() ? service.container_id : service.unit;
  return part.empty() ? emitter.host : emitter.host + "/" + part;
}

}  // namespace

std::string resource_of(const proc::Service& service, const Emitter& emitter, std::uint32_t pid) {
  std::string bytes;
  Message<Resource> resource(bytes);
  const auto add = [&resource](std::string_view name, const std::string& value) {
    if (!value.empty()) add_attribute(resource, Resource::attributes, name, value);
  };
  add("service.name", service_name(service));
  add("service.namespace", service.service_namespace);
  add("service.instance.id", instance_of(service, emitter));
  add("host.name", emitter.host);
  add("systemd.unit", service.unit);
  add("container.id", service.container_id);
  add("k8s.container.name", service.container_name);
  add("k8s.pod.name", service.pod);
  add("k8s.namespace.name", service.pod_namespace);
  add("k8s.pod.uid", service.pod_uid);
  if (pid != 0) add_attribute(resource, Resource::attributes, "process.pid", std::int64_t{pid});
  return bytes;
}

std::string own_resource(const Emitter& emitter) {
  std::string bytes;
  Message<Resource> resource(bytes);
  add_attribute(resource, Resource::attributes, "service.name", std::string("aiotrace"));
  add_attribute(resource, Resource::attributes, "service.instance.id", emitter.host);
  add_attribute(resource, Resource::attributes, "service.version", emitter.version);
  add_attribute(resource, Resource::attributes, "host.name", emitter.host);
  return bytes;
}

void add_group(Message<Request>& request, std::string_view resource, std::string_view items, const Emitter& emitter) {
  Message<Group> group(request, Request::resources);
  group.add_message(Group::resource, resource.data(), resource.size());
  std::string bytes;
  {
    Message<ScopeGroup> scope_group(bytes);
    Message<Scope> scope(scope_group, ScopeGroup::scope);
    add_text(scope, Scope::name, "aiotrace");
    add_text(scope, Scope::version, emitter.version);
  }
  bytes.append(items);
  group.add_message(Group::scopes, bytes);
}

}  // namespace otlp

namespace {

using otlp::LogRecord;
using otlp::Message;

std::string record_of(const Event& event) {
  std::string bytes;
  Message<LogRecord> record(bytes);
  const auto time = static_cast<std::uint64_t>(event.unix_ns);
  record.add_fixed64(LogRecord::time, time);
  record.add_fixed64(LogRecord::observed_time, time);
  record.add_int32(LogRecord::severity, static_cast<std::int32_t>(event.severity));
  otlp::add_text(record, LogRecord::severity_text, event.severity == Severity::error ? "ERROR" : "WARN");
  if (!event.body.empty()) otlp::add_value(record, LogRecord::body, event.body, kMaxAttribute);
  for (const auto& [key, value] : event.attributes) {
    const bool is_long = key == "code.stacktrace";
    otlp::add_attribute(record, LogRecord::attributes, key, value, is_long ? kMaxLongAttribute : kMaxAttribute);
  }
  otlp::add_text(record, LogRecord::event_name, event.name);
  return bytes;
}

// Export…PartialSuccess: rejected_log_records or rejected_data_points, error_message.
void read_partial_success(protozero::pbf_reader partial, OtlpAnswer& answer) {
  while (partial.next()) {
    if (partial.tag() == 1 && partial.wire_type() == protozero::pbf_wire_type::varint) {
      const auto count = partial.get_int64();
      answer.rejected = count > 0 ? static_cast<std::uint64_t>(count) : 0;
    } else if (partial.tag() == 2 && partial.wire_type() == protozero::pbf_wire_type::length_delimited) {
      const auto text = partial.get_view();
      answer.message = otlp::safe_text({text.data(), text.size()}, kMaxAttribute);
    } else {
      partial.skip();
    }
  }
}

}  // namespace

EncodedEvent encode(const Event& event, const proc::Service& service, std::uint32_t pid, const Emitter& emitter) {
  return {.resource = otlp::resource_of(service, emitter, pid), .record = record_of(event)};
}

std::string otlp_logs(const std::vector<EncodedEvent>& events, const Emitter& emitter) {
  std::map<std::string_view, std::string> items;
  for (const auto& event : events) {
    Message<otlp::ScopeGroup> scope(items[event.resource]);
    scope.add_message(otlp::ScopeGroup::items, event.record);
  }
  std::string bytes;
  Message<otlp::Request> request(bytes);
  for (const auto& [resource, records] : items) otlp::add_group(request, resource, records, emitter);
  return bytes;
}

std::optional<OtlpAnswer> otlp_answer(std::string_view body) {
  OtlpAnswer answer;
  try {
    protozero::pbf_reader response(body.data(), body.size());
    while (response.next()) {
      if (response.tag() == 1 && response.wire_type() == protozero::pbf_wire_type::length_delimited)
        read_partial_success(response.get_message(), answer);
      else
        response.skip();
    }
  } catch (const protozero::exception&) {
    return std::nullopt;
  }
  return answer;
}

}  // namespace aiotrace::fleet
