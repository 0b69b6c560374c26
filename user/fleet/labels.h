// Labels of series, as the text formats of Prometheus and OpenMetrics have them.
#pragma once

#include <string>
#include <string_view>

#include "proc/service.h"

namespace aiotrace::fleet {

/// Of the set that takes the services for which there is no room (OpenTelemetry's SDK has the attribute).
inline constexpr std::string_view kOverflowLabels = "otel_metric_overflow=\"true\"";

/// A value between the quotes: backslash, quote and newline escaped.
[[nodiscard]] std::string escaped_label(std::string_view value);

/// What a service is called: one that has only its command's name is unknown_service:NAME, as OpenTelemetry has it.
[[nodiscard]] std::string service_name(const proc::Service& service);

/// service_name="shop",container_id="…": what is not known has no label.
[[nodiscard]] std::string labels_of(const proc::Service& service);

}  // namespace aiotrace::fleet
