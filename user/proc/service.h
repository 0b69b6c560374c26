// Whose is a process: its service, container, pod and unit, without asking a runtime or an API server.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace aiotrace::proc {

/// Everything that a Service has is text of the target or of who started it: at most so many bytes each.
inline constexpr std::size_t kMaxServiceText = 128;

/// Where the name of a service comes from, in the order in which they are looked at.
enum class ServiceSource : std::uint8_t {
  environment,  ///< OTEL_SERVICE_NAME
  attributes,   ///< service.name in OTEL_RESOURCE_ATTRIBUTES
  container,    ///< the container's name as the kubelet knows it, else the first 12 digits of its id
  unit,         ///< the systemd service, without ".service"
  command,      ///< none of these is known: the command name
};
/// "environment"; for messages and labels.
[[nodiscard]] std::string_view name(ServiceSource source);

/// Of each text: valid UTF-8 without control and invisible characters, at most kMaxServiceText bytes; empty: not known.
struct Service {
  std::string name{};
  ServiceSource source = ServiceSource::command;
  std::string service_namespace{};  ///< service.namespace in OTEL_RESOURCE_ATTRIBUTES
  std::string container_id{};       ///< 64 hexadecimal digits; of LXC its name
  std::string container_name{};     ///< these three: as the kubelet names them
  std::string pod{};
  std::string pod_namespace{};
  std::string pod_uid{};
  std::string unit{};  ///< as systemd calls it: "web.service", "session-3.scope"

  auto operator<=>(const Service&) const = default;
};

/// What a control group's path says. As runtimes name them: containerd, CRI-O, Docker, Podman, LXC, with the systemd
/// and the cgroupfs driver, nested ones too (the innermost counts).
struct CgroupOwner {
  std::string container_id;
  std::string pod_uid;
  std::string unit;

  bool operator==(const CgroupOwner&) const = default;
};
[[nodiscard]] CgroupOwner owner_of_cgroup(std::string_view path);

/// The path in the text of /proc/PID/cgroup (cgroups(7)) that names the owner: of version 2, else of the hierarchies
/// name=systemd, cpu or memory. The first of them that is not the root; "/" if all are; empty: none of them.
[[nodiscard]] std::string owner_path(std::string_view proc_cgroup);

/// What the process itself was started with.
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
/// All empty if the name is not of that form, or of another container.
[[nodiscard]] KubeletNames kubelet_names(std::string_view file_name, std::string_view container_id);

/// At most kMaxServiceText bytes of valid UTF-8; a control or invisible character and a malformed byte become U+FFFD.
[[nodiscard]] std::string service_text(std::string_view bytes);

/// The service from what was read of a process. Pure.
[[nodiscard]] Service make_service(std::string_view proc_cgroup, std::string_view environ, std::string_view comm);

/// Reads a process. What cannot be read (it has ended, no rights) is not known. To be called at the first sight of a
/// process, since it is gone with it. `comm`: its command name.
[[nodiscard]] Service service_of(pid_t pid, std::string_view comm);

}  // namespace aiotrace::proc
