// The owner of a process: its service, container, pod and unit, without a request to a runtime or an API server.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace aiotrace::proc {

/// All texts of a Service come from the target or from its starter, so each is limited to this many bytes.
inline constexpr std::size_t kMaxServiceText = 128;

/// The source of a service's name, in the order of preference.
enum class ServiceSource : std::uint8_t {
  environment,  ///< OTEL_SERVICE_NAME
  attributes,   ///< service.name in OTEL_RESOURCE_ATTRIBUTES
  container,    ///< the container's name as the kubelet knows it, else the first 12 digits of its id
  unit,         ///< the systemd service, without ".service"
  command,      ///< none of these is known: uses the command name
};
/// "environment"; for messages and labels.
[[nodiscard]] std::string_view name(ServiceSource source);

/// Each text is valid UTF-8 without control and invisible characters, at most kMaxServiceText bytes; empty: unknown.
struct Service {
  std::string name{};
  ServiceSource source = ServiceSource::command;
  std::string service_namespace{};  ///< service.namespace in OTEL_RESOURCE_ATTRIBUTES
  std::string container_id{};       ///< 64 hexadecimal digits; for LXC its name
  std::string container_name{};     ///< these three: the kubelet's names
  std::string pod{};
  std::string pod_namespace{};
  std::string pod_uid{};
  std::string unit{};  ///< systemd's name: "web.service", "session-3.scope"

  auto operator<=>(const Service&) const = default;
};

/// The information in a control group's path. Naming schemes: containerd, CRI-O, Docker, Podman, LXC, with the systemd
/// and the cgroupfs driver, also nested (the innermost counts).
struct CgroupOwner {
  std::string container_id;
  std::string pod_uid;
  std::string unit;

  bool operator==(const CgroupOwner&) const = default;
};
[[nodiscard]] CgroupOwner owner_of_cgroup(std::string_view path);

/// The path in the text of /proc/PID/cgroup (cgroups(7)) that identifies the owner: of version 2, else of the
/// hierarchies name=systemd, cpu or memory. The first of these that is not the root; "/" if all are; empty: there is
/// none.
[[nodiscard]] std::string owner_path(std::string_view proc_cgroup);

/// The environment with which the process was started.
struct DeclaredService {
  std::string name;
  std::string service_namespace;
  bool from_attributes = false;  ///< the name is not from OTEL_SERVICE_NAME
};
/// From the text of /proc/PID/environ. OTEL_RESOURCE_ATTRIBUTES is "key=value,…" with percent-encoded values (the
/// specification of OpenTelemetry's resource SDK); malformed pairs are skipped.
[[nodiscard]] DeclaredService declared_service(std::string_view environ);

/// POD_NAMESPACE_CONTAINER-ID.log, the links that the kubelet keeps in /var/log/containers.
struct KubeletNames {
  std::string pod;
  std::string pod_namespace;
  std::string container;
};
/// All fields are empty if the name has another form, or belongs to another container.
[[nodiscard]] KubeletNames kubelet_names(std::string_view file_name, std::string_view container_id);

/// At most kMaxServiceText bytes of valid UTF-8; a control or invisible character and a malformed byte become U+FFFD.
[[nodiscard]] std::string service_text(std::string_view bytes);

/// Determines the service from the data that was read from a process. Pure.
[[nodiscard]] Service make_service(std::string_view proc_cgroup, std::string_view environ, std::string_view comm);

/// Reads a process. Data that cannot be read (it has ended, no rights) is unknown. Should be called when a process is
/// first seen, because the data is lost when it ends. `comm`: its command name.
[[nodiscard]] Service service_of(pid_t pid, std::string_view comm);

}  // namespace aiotrace::proc
