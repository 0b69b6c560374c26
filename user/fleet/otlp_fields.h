// Messages of OpenTelemetry's protocol with the numbers of their fields, and what logs and metrics have in common.
#pragma once

#include <cstdint>
#include <protozero/pbf_builder.hpp>
#include <string>
#include <string_view>

#include "fleet/otlp.h"

namespace aiotrace::fleet::otlp {

// opentelemetry/proto/collector/{logs,metrics}/v1, common/v1, resource/v1, logs/v1. Of ExportLogsServiceRequest and
// ExportMetricsServiceRequest, ResourceLogs and ResourceMetrics, ScopeLogs and ScopeMetrics the numbers are the same.
enum class Request : protozero::pbf_tag_type { resources = 1 };
enum class Group : protozero::pbf_tag_type { resource = 1, scopes = 2 };
enum class ScopeGroup : protozero::pbf_tag_type { scope = 1, items = 2 };
enum class Scope : protozero::pbf_tag_type { name = 1, version = 2 };
enum class Resource : protozero::pbf_tag_type { attributes = 1 };
enum class KeyValue : protozero::pbf_tag_type { key = 1, value = 2 };
enum class AnyValue : protozero::pbf_tag_type { text = 1, boolean = 2, integer = 3, real = 4 };
enum class LogRecord : protozero::pbf_tag_type {
  time = 1,
  severity = 2,
  severity_text = 3,
  body = 5,
  attributes = 6,
  observed_time = 11,
  event_name = 12
};

template <class Field>
using Message = protozero::pbf_builder<Field>;

/// Valid UTF-8: a receiver refuses a whole request for one byte that is none.
[[nodiscard]] std::string safe_text(std::string_view text, std::size_t bytes);

template <class Field>
void add_text(Message<Field>& into, Field field, std::string_view text) {
  into.add_string(field, text.data(), text.size());
}

template <class Field>
void add_value(Message<Field>& into, Field field, const AttributeValue& value, std::size_t most_bytes) {
  Message<AnyValue> any(into, field);
  if (const auto* text = std::get_if<std::string>(&value))
    any.add_string(AnyValue::text, safe_text(*text, most_bytes));
  else if (const auto* integer = std::get_if<std::int64_t>(&value))
    any.add_int64(AnyValue::integer, *integer);
  else if (const auto* real = std::get_if<double>(&value))
    any.add_double(AnyValue::real, *real);
  else
    any.add_bool(AnyValue::boolean, std::get<bool>(value));
}

template <class Field>
void add_attribute(Message<Field>& into, Field field, std::string_view key, const AttributeValue& value,
                   std::size_t most_bytes = kMaxAttribute) {
  Message<KeyValue> pair(into, field);
  add_text(pair, KeyValue::key, key);
  add_value(pair, KeyValue::value, value, most_bytes);
}

/// The message Resource of a service of this host. `pid` 0: of all its processes.
[[nodiscard]] std::string resource_of(const proc::Service& service, const Emitter& emitter, std::uint32_t pid);
/// Of aiotrace itself.
[[nodiscard]] std::string own_resource(const Emitter& emitter);

/// One ResourceLogs or ResourceMetrics; `items` are the encoded fields of its one scope.
void add_group(Message<Request>& request, std::string_view resource, std::string_view items, const Emitter& emitter);

}  // namespace aiotrace::fleet::otlp
