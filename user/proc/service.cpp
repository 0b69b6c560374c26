#include "proc/service.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "proc/text_file.h"
#include "util/text.h"

namespace aiotrace::proc {
namespace {

constexpr std::size_t kMaxCgroupText = std::size_t{64} * 1024;
// The kernel allows megabytes; a process has some kilobytes.
constexpr std::size_t kMaxEnviron = std::size_t{256} * 1024;
constexpr std::size_t kContainerId = 64;
constexpr std::size_t kShortContainerId = 12;  // as docker ps shows it
constexpr const char* kKubeletLinks = "/var/log/containers";
// A node runs 110 pods by default; each container may have some links of earlier starts.
constexpr std::size_t kMostKubeletLinks = 10'000;

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool all_hex(std::string_view text) { return std::ranges::all_of(text, is_hex); }

/// Removes the part before the next `separator` (or everything) from the text and returns it.
std::string_view take_until(std::string_view& text, char separator) {
  const auto end = text.find(separator);
  const auto part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

std::string_view without_suffix(std::string_view text, std::string_view suffix) {
  if (text.ends_with(suffix)) text.remove_suffix(suffix.size());
  return text;
}

/// "cri-containerd-ID.scope", "docker-ID.scope", "libpod-ID.scope", "…:cri-containerd:ID" or the bare ID.
std::string_view container_in(std::string_view component) {
  component = without_suffix(component, ".scope");
  if (component.size() < kContainerId) return {};
  const auto id = component.substr(component.size() - kContainerId);
  auto runtime = component.substr(0, component.size() - kContainerId);
  if (!all_hex(id)) return {};
  // The monitor process of a container is outside the container.
  if (runtime.ends_with("conmon-")) return {};
  return runtime.empty() || runtime.ends_with('-') || runtime.ends_with(':') ? id : std::string_view{};
}

/// A pod's uid with '-' or '_' between its groups; for a static pod 32 digits in a row.
bool is_pod_uid(std::string_view text) {
  constexpr std::size_t kUuid = 36, kStatic = 32;
  if (text.size() == kStatic) return all_hex(text);
  if (text.size() != kUuid) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' && text[i] != '_' : !is_hex(text[i])) return false;
  }
  return true;
}

/// "kubepods-burstable-podUID.slice", "podUID", or the first of them in "…podUID.slice:cri-containerd:ID".
std::string pod_in(std::string_view component) {
  component = without_suffix(take_until(component, ':'), ".slice");
  const auto at = component.rfind("pod");
  if (at == std::string_view::npos || (at != 0 && component[at - 1] != '-')) return {};
  const auto uid = component.substr(at + 3);
  if (!is_pod_uid(uid)) return {};
  std::string dashed(uid);
  std::ranges::replace(dashed, '_', '-');
  return dashed;
}

bool is_unit(std::string_view component) {
  return (component.ends_with(".service") || component.ends_with(".scope")) && component != "init.scope";
}

/// systemd puts '_' before a name that the kernel could take for a file of its own (cg_escape).
std::string_view unit_name(std::string_view component) {
  if (component.starts_with('_')) component.remove_prefix(1);
  return component;
}

/// "/lxc/NAME", "/lxc.payload/NAME", "/lxc.payload.NAME".
std::string_view lxc_in(std::string_view component, std::string_view before) {
  constexpr std::string_view kPayload = "lxc.payload.";
  if (component.starts_with(kPayload)) return component.substr(kPayload.size());
  return before == "lxc" || before == "lxc.payload" ? component : std::string_view{};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// Each `escape` ("%" or "\x") with two hexadecimal digits becomes that byte.
std::string decoded(std::string_view text, std::string_view escape) {
  std::string plain;
  while (!text.empty()) {
    const auto digits = escape.size();
    const bool escaped = text.starts_with(escape) && text.size() >= digits + 2 && hex_digit(text[digits]) >= 0 &&
                         hex_digit(text[digits + 1]) >= 0;
    plain += escaped ? static_cast<char>(hex_digit(text[digits]) * 16 + hex_digit(text[digits + 1])) : text.front();
    text.remove_prefix(escaped ? digits + 2 : 1);
  }
  return plain;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::string attribute(std::string_view attributes, std::string_view wanted) {
  while (!attributes.empty()) {
    auto value = take_until(attributes, ',');
    const auto equals = value.find('=');
    if (equals == std::string_view::npos) continue;
    if (trimmed(value.substr(0, equals)) == wanted) return decoded(trimmed(value.substr(equals + 1)), "%");
  }
  return {};
}

/// The first one counts, as in getenv.
std::string_view variable(std::string_view environ, std::string_view wanted) {
  while (!environ.empty()) {
    const auto entry = take_until(environ, '\0');
    if (entry.starts_with(wanted) && entry.substr(wanted.size()).starts_with('='))
      return entry.substr(wanted.size() + 1);
  }
  return {};
}

/// A session or a user's manager contains processes that somebody started by hand, so it is no service.
bool names_service(std::string_view unit) { return unit.ends_with(".service") && !unit.starts_with("user@"); }

std::optional<KubeletNames> look_up(const std::string& container_id) {
  std::error_code error;
  std::size_t looked_at = 0;
  for (std::filesystem::directory_iterator at(kKubeletLinks, error), end; !error && at != end; at.increment(error)) {
    if (++looked_at > kMostKubeletLinks) break;
    auto names = kubelet_names(at->path().filename().string(), container_id);
    if (!names.pod.empty()) return names;
  }
  return std::nullopt;
}

void take(Service& service, const KubeletNames& names) {
  service.pod = service_text(names.pod);
  service.pod_namespace = service_text(names.pod_namespace);
  service.container_name = service_text(names.container);
  if (service.source == ServiceSource::container) service.name = service.container_name;
}

}  // namespace

std::string_view name(ServiceSource source) {
  constexpr std::array<std::string_view, 5> kNames{"environment", "attributes", "container", "unit", "command"};
  return kNames.at(static_cast<std::size_t>(source));
}

CgroupOwner owner_of_cgroup(std::string_view path) {
  CgroupOwner owner;
  std::string_view before;
  while (!path.empty()) {
    const auto component = take_until(path, '/');
    if (auto pod = pod_in(component); !pod.empty()) owner.pod_uid = std::move(pod);
    auto container = container_in(component);
    if (container.empty()) container = lxc_in(component, before);
    if (!container.empty()) {
      owner.container_id = service_text(container);
      owner.unit.clear();  // it runs the container, but is outside it
    } else if (is_unit(component)) {
      owner.unit = service_text(unit_name(component));
    }
    before = component;
  }
  return owner;
}

std::string owner_path(std::string_view proc_cgroup) {
  constexpr std::array<std::string_view, 4> kHierarchies{"", "name=systemd", "cpu", "memory"};
  std::array<std::string_view, kHierarchies.size()> paths{};
  while (!proc_cgroup.empty()) {
    auto line = take_until(proc_cgroup, '\n');
    if (line.find(':') == std::string_view::npos) continue;
    take_until(line, ':');
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    auto controllers = line.substr(0, colon);
    const auto path = line.substr(colon + 1);
    do {
      const auto controller = take_until(controllers, ',');
      const auto* found = std::ranges::find(kHierarchies, controller);
      if (found != kHierarchies.end()) paths.at(static_cast<std::size_t>(found - kHierarchies.begin())) = path;
    } while (!controllers.empty());
  }
  std::string root;
  for (const auto path : paths) {
    if (path.size() > 1) return std::string(path);
    if (!path.empty()) root = path;
  }
  return root;
}

DeclaredService declared_service(std::string_view environ) {
  const auto attributes = variable(environ, "OTEL_RESOURCE_ATTRIBUTES");
  DeclaredService declared{.name = std::string(variable(environ, "OTEL_SERVICE_NAME")),
                           .service_namespace = attribute(attributes, "service.namespace")};
  if (declared.name.empty()) {
    declared.name = attribute(attributes, "service.name");
    declared.from_attributes = true;
  }
  return declared;
}

KubeletNames kubelet_names(std::string_view file_name, std::string_view container_id) {
  if (container_id.empty() || !file_name.ends_with(".log")) return {};
  file_name.remove_suffix(4);
  if (!file_name.ends_with(container_id)) return {};
  file_name.remove_suffix(container_id.size());
  if (!file_name.ends_with('-')) return {};
  file_name.remove_suffix(1);
  // Names in Kubernetes have no '_'.
  KubeletNames names;
  names.pod = take_until(file_name, '_');
  names.pod_namespace = take_until(file_name, '_');
  names.container = file_name;
  const bool whole = !names.pod.empty() && !names.pod_namespace.empty() && !names.container.empty() &&
                     names.container.find('_') == std::string::npos;
  return whole ? names : KubeletNames{};
}

std::string service_text(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const auto c = next_code_point(bytes);
    std::string one;
    append_utf8(one, is_unsafe(c) ? kReplacement : c);
    if (text.size() + one.size() > kMaxServiceText) break;
    text += one;
  }
  return text;
}

Service make_service(std::string_view proc_cgroup, std::string_view environ, std::string_view comm) {
  auto owner = owner_of_cgroup(owner_path(proc_cgroup));
  const auto declared = declared_service(environ);
  Service service;
  service.service_namespace = service_text(declared.service_namespace);
  service.container_id = std::move(owner.container_id);
  service.pod_uid = std::move(owner.pod_uid);
  service.unit = std::move(owner.unit);
  if (!declared.name.empty()) {
    service.name = service_text(declared.name);
    service.source = declared.from_attributes ? ServiceSource::attributes : ServiceSource::environment;
  } else if (!service.container_id.empty()) {
    const bool hexadecimal = service.container_id.size() == kContainerId && all_hex(service.container_id);
    service.name = hexadecimal ? service.container_id.substr(0, kShortContainerId) : service.container_id;
    service.source = ServiceSource::container;
  } else if (names_service(service.unit)) {
    service.name = service_text(decoded(without_suffix(service.unit, ".service"), "\\x"));
    service.source = ServiceSource::unit;
  } else {
    service.name = service_text(comm);
  }
  return service;
}

Service service_of(pid_t pid, std::string_view comm) {
  const auto directory = "/proc/" + std::to_string(pid);
  const auto groups = read_text(directory + "/cgroup", kMaxCgroupText);
  const auto environ = read_text(directory + "/environ", kMaxEnviron);
  auto service = make_service(groups.value_or(""), environ.value_or(""), comm);
  if (service.container_id.empty()) return service;
  if (const auto names = look_up(service.container_id)) take(service, *names);
  return service;
}

}  // namespace aiotrace::proc
